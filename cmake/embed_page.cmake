# Joins FOLDER/page.html, .css and .js into one file and writes OUT, C with the bytes of it and its
# Content-Security-Policy: nothing runs or is loaded but what is in that file.
#
# cmake -D FOLDER=... -D OUT=... -P embed_page.cmake

include(${CMAKE_CURRENT_LIST_DIR}/policy_hash.cmake)

foreach(part html css js)
    file(READ ${FOLDER}/page.${part} ${part})
endforeach()
policy_hash("\n${css}" css_hash)
policy_hash("\n${js}" js_hash)
string(REPLACE "<style></style>" "<style>\n${css}</style>" html "${html}")
string(REPLACE "<script></script>" "<script>\n${js}</script>" html "${html}")

file(WRITE ${OUT}.html "${html}")
file(READ ${OUT}.html bytes HEX)
string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
string(REPLACE "'\\x0a'," "'\\x0a',\n" bytes "${bytes}")
file(WRITE ${OUT} "/* Made by cmake/embed_page.cmake from the files in src/observe/page. */
#include \"observe/live_page.h\"

const char wt_live_page_policy[] =
    \"default-src 'none'; script-src ${js_hash}; style-src ${css_hash}; \"
    \"connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\";

const char wt_live_page_html[] = {
${bytes}'\\0'};
")
