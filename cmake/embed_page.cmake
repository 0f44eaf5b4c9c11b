# Joins FOLDER/page.html, .css and .js into one file and writes OUT, C with the bytes of it and its
# Content-Security-Policy: nothing runs or is loaded but what is in that file.
#
# cmake -D FOLDER=... -D OUT=... -P embed_page.cmake

# 'sha256-...' of a text, in base64.
function(policy_hash text out)
    set(alphabet ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
    string(SHA256 hex "${text}")
    # 64 hexadecimal digits and 2 of padding are 11 groups of 6, each 4 characters of 6 bits.
    string(APPEND hex 00)
    set(base64 "")
    foreach(group RANGE 10)
        math(EXPR at "${group} * 6")
        string(SUBSTRING "${hex}" ${at} 6 digits)
        foreach(shift 18 12 6 0)
            math(EXPR index "(0x${digits} >> ${shift}) & 63")
            string(SUBSTRING "${alphabet}" ${index} 1 character)
            string(APPEND base64 "${character}")
        endforeach()
    endforeach()
    string(SUBSTRING "${base64}" 0 43 base64)
    set(${out} "'sha256-${base64}='" PARENT_SCOPE)
endfunction()

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
