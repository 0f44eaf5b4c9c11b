# Writes OUT, C with the style sheet STYLE and the Content-Security-Policy of a page that has nothing but this style.
#
# cmake -D STYLE=... -D OUT=... -P embed_style.cmake
include(${CMAKE_CURRENT_LIST_DIR}/policy_hash.cmake)

get_filename_component(name ${STYLE} NAME)
file(READ ${STYLE} css)
policy_hash("\n${css}" css_hash)
file(READ ${STYLE} bytes HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
string(REPLACE "'\\x0a'," "'\\x0a',\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Made by cmake/embed_style.cmake from ${name}. */
#include \"cli/replay/compare_style.h\"

const char wt_compare_style_policy[] =
    \"default-src 'none'; style-src ${css_hash}; base-uri 'none'; form-action 'none'\";

const char wt_compare_style[] = {
${bytes}'\\0'};
")
