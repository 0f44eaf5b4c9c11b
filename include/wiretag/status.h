/* status.h: how every fallible wiretag function reports.
 *
 * A function that can fail returns `enum wt_status`; where the caller passed a `struct wt_error`
 * (NULL is allowed everywhere) a failure fills it with a code for machines, a sentence for people
 * and the class that decides what happens to the record or the process. A success leaves the
 * struct untouched. Errors describe the world; bugs are assertions.
 *
 * Options: a struct of options begins with its size, so that a program runs with other versions of the
 * library than it was compiled with. Fill it with the function of its name that ends in `_defaults`,
 * then set what is to be different. A smaller one, of an older program, is fine: what it does not have
 * is default. So is a larger one, of a newer program, as long as what this library does not know is
 * zero; else WT_INVALID, code options-size.
 *
 * Other structs: those that the caller makes room for (wt_error, wt_tokens) never change; those that
 * the library returns a pointer to may grow at their end. */
#ifndef WIRETAG_STATUS_H
#define WIRETAG_STATUS_H

/* What the shared libraries export. */
#if defined(__GNUC__)
#define WT_API __attribute__((visibility("default")))
#else
#define WT_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum wt_status {
    WT_OK = 0,
    WT_CLOSED,  /* a queue or stream has ended; not a failure */
    WT_INVALID, /* what the caller or a file said is wrong: input, configuration, bundle */
    WT_IO,      /* the outside world failed: file, broker, device */
    WT_MEMORY,  /* out of memory, on the host or the device; a smaller request may succeed */
    WT_FAILED   /* anything else; the error's message has the cause */
};

enum wt_error_class {
    WT_ERROR_RECORD,    /* this record cannot be labelled: dead letter */
    WT_ERROR_RETRIABLE, /* trying again may succeed */
    WT_ERROR_FATAL      /* the process cannot go on */
};

#define WT_ERROR_CODE_BYTES_MAX 40u
#define WT_ERROR_MESSAGE_BYTES_MAX 600u

struct wt_error {
    enum wt_error_class error_class;
    char code[WT_ERROR_CODE_BYTES_MAX];       /* lower-case words joined by '-', NUL-terminated */
    char message[WT_ERROR_MESSAGE_BYTES_MAX]; /* what, where, what to do; cut at a code point */
};

/* Fills `error` (may be NULL) from a printf format and returns `status`, so that a failing
 * function can end with `return wt_error_set(...)`. Thread: any. */
WT_API enum wt_status wt_error_set(struct wt_error *error, enum wt_status status,
                                   enum wt_error_class error_class, const char *code,
                                   const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 5, 6)))
#endif
    ;

#ifdef __cplusplus
}
#endif

#endif
