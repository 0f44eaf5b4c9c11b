/* status.h: status and error of every wiretag function that can fail.
 *
 * A function that can fail returns `enum wt_status` and takes a `struct wt_error`, which may be
 * NULL. On failure it fills the struct with a code for programs, a message for people, and the
 * class, which decides what happens to the record or the process. On success the struct is
 * unchanged. Errors are for what can go wrong at run time; bugs are assertions.
 *
 * Options: a struct of options begins with its size, so that a program works with other versions of
 * the library than it was compiled with. Fill it with the function named after it that ends in
 * `_defaults`, then change members. If the struct of an older program is smaller, the missing
 * members have their defaults. The struct of a newer program may be larger if the members that this
 * library does not know are zero; otherwise WT_INVALID, code options-size.
 *
 * Other structs: the layout of those that the caller allocates (wt_error, wt_tokens) never changes.
 * Those to which the library returns a pointer may get new members at the end. */
#ifndef WIRETAG_STATUS_H
#define WIRETAG_STATUS_H

/* Marks what the shared libraries export. */
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
    WT_INVALID, /* the input, configuration or bundle is wrong */
    WT_IO,      /* a file, broker or device failed */
    WT_MEMORY,  /* out of memory, on the host or the device; a smaller request may succeed */
    WT_FAILED   /* any other failure; the message has the cause */
};

enum wt_error_class {
    WT_ERROR_RECORD,    /* this record cannot be labelled: dead letter */
    WT_ERROR_RETRIABLE, /* a retry may succeed */
    WT_ERROR_FATAL      /* the process cannot continue */
};

#define WT_ERROR_CODE_BYTES_MAX 40u
#define WT_ERROR_MESSAGE_BYTES_MAX 600u

struct wt_error {
    enum wt_error_class error_class;
    char code[WT_ERROR_CODE_BYTES_MAX];       /* lower-case words joined by '-', NUL-terminated */
    char message[WT_ERROR_MESSAGE_BYTES_MAX]; /* what, where, what to do; cut at a code point */
};

/* Fills `error` (may be NULL) from a printf format and returns `status`, so that a function can end
 * with `return wt_error_set(...)`. Thread: any. */
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
