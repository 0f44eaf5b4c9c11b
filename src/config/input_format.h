/* input_format.h: the formats that input.format may name: a row each, NAME and name. What reads one is
 * src/codec/format_NAME.c. */
#ifndef WIRETAG_CONFIG_INPUT_FORMAT_H
#define WIRETAG_CONFIG_INPUT_FORMAT_H

#define WT_INPUT_FORMATS(X)                                                                        \
    X(JSON, json)                                                                                  \
    X(TEXT, text)                                                                                  \
    X(AVRO, avro)

#define WT_INPUT_VALUE(NAME, name) WT_INPUT_##NAME,
enum wt_input_format { WT_INPUT_FORMATS(WT_INPUT_VALUE) };
#undef WT_INPUT_VALUE

#endif
