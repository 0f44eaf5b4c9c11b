#include "base/name.h"

#include <string.h>

bool wt_name_is_legal(const char *name, size_t bytes_max)
{
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t length = strlen(name);
    return length > 0 && length <= bytes_max && strspn(name, legal) == length;
}

bool wt_name_is_topic(const char *name)
{
    return wt_name_is_legal(name, WT_TOPIC_NAME_BYTES_MAX) && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}
