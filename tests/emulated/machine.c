/* machine.c: as much of Linux as a static test program of one thread needs, on a bare processor.
 *
 * Debian's emulator bochs has a processor with AMX, on which no current Linux starts: it lacks what
 * Linux watches the tiles' state with (XFD). So the test program, an ordinary static one, runs without
 * Linux: boot.S switches on the vector registers and tiles, machine_start loads the program, and
 * system_call answers the few calls that it makes. Its output goes to port 0xE9, which the emulator
 * prints.
 *
 * The emulator puts the program at PROGRAM and its environment, lines of text, at ENVIRONMENT. One of
 * two lines is for this file: with MACHINE_TILES=off the tiles are not switched on, as under a Linux
 * before 5.16, and with MACHINE_TILES=refused the program does not get them. */
#include "machine.h"

#include <elf.h>
#include <stdbool.h>

#define PROGRAM 0x4000000u     /* 64 MB */
#define ENVIRONMENT 0x3F00000u /* a page below */
#define HEAP 0x6000000u        /* brk, then anonymous mappings */
#define MAPPINGS 0x8000000u
#define REPLACED_CODE ((uint8_t *)0x30000)
#define MEMORY_END 0x1E000000u
#define STACK 0x1F000000u

#define EPERM 1
#define ENOENT 2
#define EBADF 9
#define ENOMEM 12
#define EINVAL 22
#define ENOTTY 25
#define ENOSYS 38

void machine_start(void) __attribute__((noreturn));
void machine_enter(uint64_t entry, void *stack) __attribute__((noreturn));
void system_call_entry(void);
void exception(uint32_t number, const uint64_t *frame) __attribute__((noreturn));
extern const uint64_t exception_addresses[32];
extern char variables[], variables_end[]; /* machine.ld; memory is not zero at the start */

static bool tiles_on;
static bool tiles_given;
static uint64_t heap_end;
static uint64_t mappings_end;
static uint64_t clock_ns;

struct gate {
    uint16_t low, selector, flags, middle;
    uint32_t high, none;
};
static struct gate gates[32];

void *memset(void *to, int value, size_t count)
{
    void *at = to;
    __asm__ volatile("rep stosb" : "+D"(at), "+c"(count) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *to, const void *from, size_t count)
{
    void *at = to;
    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(count) : : "memory");
    return to;
}

static void put(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void print(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(0xE9, (uint8_t)text[i]);
    }
}

static void print_text(const char *text)
{
    while (*text != '\0') {
        put(0xE9, (uint8_t)*text++);
    }
}

static void print_hex(uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4) {
        put(0xE9, (uint8_t) "0123456789abcdef"[value >> shift & 15]);
    }
}

static void print_number(uint64_t value)
{
    if (value >= 10) {
        print_number(value / 10);
    }
    put(0xE9, (uint8_t)('0' + value % 10));
}

/* The last line says how the program ended; then the emulator stops. */
static void __attribute__((noreturn)) stop(uint64_t status)
{
    print_text("\nmachine: exit status ");
    print_number(status);
    print_text("\n");
    for (;;) {
        for (const char *word = "Shutdown"; *word != '\0'; word++) {
            put(0x8900, (uint8_t)*word);
        }
        __asm__ volatile("hlt");
    }
}

void exception(uint32_t number, const uint64_t *frame)
{
    uint64_t address;
    __asm__ volatile("movq %%cr2, %0" : "=r"(address));
    print_text("\nmachine: exception ");
    print_number(number);
    print_text(", memory ");
    print_hex(address);
    print_text(", pushed");
    for (int i = 0; i < 4; i++) {
        print_text(" ");
        print_hex(frame[i]);
    }
    stop(139);
}

/* --- system calls ----------------------------------------------------------------------------- */

/* As boot.S pushes them. */
struct registers {
    uint64_t number, r9, r8, r10, rdx, rsi, rdi;
};
void system_call(struct registers *registers);

static int64_t write_out(uint64_t file, const void *bytes, size_t count)
{
    if (file != 1 && file != 2) {
        return -EBADF;
    }
    print(bytes, count);
    return (int64_t)count;
}

struct piece {
    const void *bytes;
    size_t count;
};

static int64_t write_pieces(uint64_t file, const struct piece *piece, size_t count)
{
    int64_t written = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t status = write_out(file, piece[i].bytes, piece[i].count);
        if (status < 0) {
            return status;
        }
        written += status;
    }
    return written;
}

static int64_t move_heap(uint64_t end)
{
    if (end > heap_end && end <= MAPPINGS) {
        memset((void *)(uintptr_t)heap_end, 0, end - heap_end);
    }
    if (end >= HEAP && end <= MAPPINGS) {
        heap_end = end;
    }
    return (int64_t)heap_end;
}

/* Memory is never given back: there is enough for one test program. */
static int64_t map(size_t bytes, int64_t file)
{
    uint64_t from = mappings_end;
    bytes = (bytes + 4095) & ~(size_t)4095;
    if (file >= 0 || bytes > MEMORY_END - from) {
        return -ENOMEM;
    }
    mappings_end += bytes;
    memset((void *)(uintptr_t)from, 0, bytes);
    return (int64_t)from;
}

static void write_register(uint32_t index, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static int64_t control_processor(uint64_t code, uint64_t value)
{
    switch (code) {
    case 0x1002: /* ARCH_SET_FS */
        write_register(0xC0000100u, value);
        return 0;
    case 0x1023: /* ARCH_REQ_XCOMP_PERM */
        return value != 18 ? -EINVAL : tiles_given ? 0 : -EPERM;
    default:
        return -EINVAL;
    }
}

static int64_t tell_time(uint64_t *time_out)
{
    clock_ns += 1000;
    time_out[0] = clock_ns / 1000000000u;
    time_out[1] = clock_ns % 1000000000u;
    return 0;
}

static int64_t fill(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(37 * i + 11);
    }
    return (int64_t)count;
}

static int64_t answer(const struct registers *call)
{
    switch (call->number) {
    case 1: /* write */
        return write_out(call->rdi, (const void *)call->rsi, call->rdx);
    case 20: /* writev */
        return write_pieces(call->rdi, (const struct piece *)call->rsi, call->rdx);
    case 9: /* mmap */
        return map(call->rsi, (int32_t)call->r8);
    case 12: /* brk */
        return move_heap(call->rdi);
    case 158: /* arch_prctl */
        return control_processor(call->rdi, call->rsi);
    case 228: /* clock_gettime */
        return tell_time((uint64_t *)call->rsi);
    case 318: /* getrandom */
        return fill((uint8_t *)call->rdi, call->rsi);
    case 39:  /* getpid */
    case 186: /* gettid */
    case 218: /* set_tid_address */
        return 1;
    case 10:  /* mprotect */
    case 11:  /* munmap */
    case 13:  /* rt_sigaction */
    case 14:  /* rt_sigprocmask */
    case 28:  /* madvise */
    case 202: /* futex: nobody waits */
    case 273: /* set_robust_list */
        return 0;
    case 16: /* ioctl: standard output is no terminal */
        return -ENOTTY;
    case 2:   /* open */
    case 89:  /* readlink */
    case 257: /* openat */
    case 267: /* readlinkat */
        return -ENOENT;
    case 60:  /* exit */
    case 231: /* exit_group */
        stop(call->rdi);
    case 200: /* tkill, as abort calls it */
    case 234: /* tgkill */
        stop(134);
    case 5:   /* fstat */
    case 262: /* newfstatat */
        return -EBADF;
    case 302: /* prlimit64 */
    case 334: /* rseq */
        return -ENOSYS;
    default:
        print_text("\nmachine: unknown system call ");
        print_number(call->number);
        print_text("\n");
        return -ENOSYS;
    }
}

void system_call(struct registers *registers)
{
    registers->number = (uint64_t)answer(registers);
}

/* --- the start -------------------------------------------------------------------------------- */

static void catch_exceptions(void)
{
    for (size_t i = 0; i < 32; i++) {
        uint64_t address = exception_addresses[i];
        gates[i] = (struct gate){.low = (uint16_t)address,
                                 .selector = 0x18,
                                 .flags = 0x8E00,
                                 .middle = (uint16_t)(address >> 16)};
    }
    struct __attribute__((packed)) {
        uint16_t limit;
        const void *table;
    } pointer = {sizeof gates - 1, gates};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

/* x87, SSE, AVX, AVX-512 and, if `tiles_on`, the tiles. */
static void switch_on_vectors(void)
{
    uint32_t states = tiles_on ? 0x600E7 : 0xE7;
    __asm__ volatile("fninit; xsetbv" : : "c"(0), "a"(states), "d"(0));
    write_register(0xC0000081u, (uint64_t)0x18 << 32); /* STAR: 64-bit code, then data */
    write_register(0xC0000082u, (uint64_t)(uintptr_t)system_call_entry);
    write_register(0xC0000084u, 0);
}

static bool same_line(const char *line, const char *text)
{
    while (*text != '\0' && *line == *text) {
        line++;
        text++;
    }
    return *text == '\0' && (*line == '\n' || *line == '\0');
}

/* Copies the program's segments to their places. */
static const Elf64_Ehdr *load(void)
{
    const Elf64_Ehdr *file = (const Elf64_Ehdr *)(uintptr_t)PROGRAM;
    const char *bytes = (const char *)file;
    const Elf64_Phdr *segments = (const Elf64_Phdr *)(bytes + file->e_phoff);
    uint8_t *code = REPLACED_CODE;
    if (*(const uint32_t *)file != 0x464C457Fu || file->e_type != ET_EXEC) {
        print_text("machine: the program is no static executable\n");
        stop(126);
    }
    for (size_t i = 0; i < file->e_phnum; i++) {
        if (segments[i].p_type != PT_LOAD) {
            continue;
        }
        char *to = (char *)segments[i].p_vaddr;
        memcpy(to, bytes + segments[i].p_offset, segments[i].p_filesz);
        memset(to + segments[i].p_filesz, 0, segments[i].p_memsz - segments[i].p_filesz);
        if ((segments[i].p_flags & PF_X) != 0) {
            code = replace_products((uint8_t *)to, segments[i].p_filesz, code);
        }
    }
    return file;
}

/* Writes arguments, environment and what the C library asks about, as Linux does. */
static void *fill_stack(const Elf64_Ehdr *file)
{
    static const char name[] = "test";
    uint64_t *stack = (uint64_t *)(uintptr_t)(STACK - 0x10000);
    uint64_t *at = stack;
    *at++ = 1;
    *at++ = (uint64_t)(uintptr_t)name;
    *at++ = 0;
    for (char *line = (char *)(uintptr_t)ENVIRONMENT; *line != '\0';) {
        if (same_line(line, "MACHINE_TILES=off")) {
            tiles_on = false;
        } else if (same_line(line, "MACHINE_TILES=refused")) {
            tiles_given = false;
        } else {
            *at++ = (uint64_t)(uintptr_t)line;
        }
        while (*line != '\n' && *line != '\0') {
            line++;
        }
        if (*line == '\n') {
            *line++ = '\0';
        }
    }
    *at++ = 0;
    const uint64_t facts[][2] = {{3 /* AT_PHDR */, PROGRAM + file->e_phoff},
                                 {4 /* AT_PHENT */, sizeof(Elf64_Phdr)},
                                 {5 /* AT_PHNUM */, file->e_phnum},
                                 {6 /* AT_PAGESZ */, 4096},
                                 {9 /* AT_ENTRY */, file->e_entry},
                                 {23 /* AT_SECURE */, 0},
                                 {25 /* AT_RANDOM */, PROGRAM},
                                 {0, 0}};
    memcpy(at, facts, sizeof facts);
    return stack;
}

void machine_start(void)
{
    memset(variables, 0, (size_t)(variables_end - variables));
    catch_exceptions();
    tiles_on = true;
    tiles_given = true;
    heap_end = HEAP;
    mappings_end = MAPPINGS;
    const Elf64_Ehdr *file = load();
    void *stack = fill_stack(file);
    switch_on_vectors();
    machine_enter(file->e_entry, stack);
}
