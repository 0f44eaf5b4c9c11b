#include "base/pages.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_PAGE_BYTES WT_PAGES_MAPPED_BYTES
#define ALIGNMENT_BYTES ((size_t)64)

/* The address sanitizer watches malloc's blocks alone. */
#if defined(__SANITIZE_ADDRESS__)
static const bool can_map = false;
#else
static const bool can_map = true;
#endif

/* Before each block. */
struct head {
    void *mapping; /* NULL: the block is malloc's */
    size_t mapping_bytes;
};

static struct head *head_of(void *memory)
{
    return (struct head *)(void *)((char *)memory - ALIGNMENT_BYTES);
}

static size_t rounded(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* Like malloc with a head in front, zeroed. */
static void *alloc_small(size_t bytes)
{
    void *block = NULL;
    size_t whole = ALIGNMENT_BYTES + rounded(bytes > 0 ? bytes : 1, ALIGNMENT_BYTES);
    if (posix_memalign(&block, ALIGNMENT_BYTES, whole) != 0) {
        return NULL;
    }
    memset(block, 0, whole);
    return (char *)block + ALIGNMENT_BYTES;
}

static void *alloc_mapped(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t length = LARGE_PAGE_BYTES + rounded(bytes, LARGE_PAGE_BYTES);
    char *mapping = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) {
        return NULL;
    }
    /* The block begins on a large page, its head ends there. What lies before and behind goes back. */
    size_t skipped = LARGE_PAGE_BYTES - (uintptr_t)mapping % LARGE_PAGE_BYTES;
    char *memory = mapping + skipped;
    char *begin = memory - page;
    char *end = memory + rounded(bytes, page);
    (void)(begin > mapping && munmap(mapping, (size_t)(begin - mapping)) == 0);
    (void)(end < mapping + length && munmap(end, (size_t)(mapping + length - end)) == 0);
    *head_of(memory) = (struct head){.mapping = begin, .mapping_bytes = (size_t)(end - begin)};
#ifdef MADV_HUGEPAGE
    /* Only whole large pages: a half-used one would take its full size. If the kernel has none, nothing
     * changes. */
    (void)madvise(memory, bytes / LARGE_PAGE_BYTES * LARGE_PAGE_BYTES, MADV_HUGEPAGE);
#endif
    return memory;
}

void *wt_pages_alloc(size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    return can_map && bytes >= LARGE_PAGE_BYTES ? alloc_mapped(bytes) : alloc_small(bytes);
}

void *wt_pages_alloc_present(size_t bytes)
{
    char *memory = wt_pages_alloc(bytes);
    if (memory == NULL || head_of(memory)->mapping == NULL) {
        return memory;
    }
#ifdef MADV_POPULATE_WRITE
    /* All pages at once take a fraction of the time of one fault each. */
    if (madvise(memory, bytes, MADV_POPULATE_WRITE) == 0) {
        return memory;
    }
#endif
    memset(memory, 0, bytes);
    return memory;
}

void wt_pages_free(void *memory)
{
    if (memory == NULL) {
        return;
    }
    struct head *head = head_of(memory);
    if (head->mapping != NULL) {
        (void)munmap(head->mapping, head->mapping_bytes);
    } else {
        free(head);
    }
}
