/* compare_style.h: the style of the page of a comparison (compare.css), and a policy that allows just
 * that. Made by cmake/embed_style.cmake. Thread: any. */
#ifndef WIRETAG_CLI_REPLAY_COMPARE_STYLE_H
#define WIRETAG_CLI_REPLAY_COMPARE_STYLE_H

/* As between <style>, a line break, and </style>. */
extern const char wt_compare_style[];
extern const char wt_compare_style_policy[];

#endif
