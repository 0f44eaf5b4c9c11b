/* machine.h: what boot.S, machine.c and products.c share. */
#ifndef WIRETAG_TESTS_EMULATED_MACHINE_H
#define WIRETAG_TESTS_EMULATED_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* Where the program's stack pointer is while something else runs; below it lies the stack for that.
 * As in boot.S. */
#define SAVED_STACK 0x7FF00u

void *memset(void *to, int value, size_t count);
void *memcpy(void *to, const void *from, size_t count);

/* Replaces each tdpbssd in `count` bytes of code by a jump to a piece of code of its own at `code`, in
 * the first 2 GB. Returns the end of those pieces. */
uint8_t *replace_products(uint8_t *from, size_t count, uint8_t *code);

#endif
