#include "cli/replay/pass.h"

#include "base/clock.h"
#include "base/name.h"
#include "config/config_load.h"

const char *wt_cli_pass_wrong_name(const struct wt_cli_pass *pass)
{
    return pass->name == NULL || !wt_name_is_legal(pass->name, WT_PASS_NAME_BYTES_MAX)
               ? "--name N must be 1 to 64 letters, digits, '.', '_' or '-'"
               : NULL;
}

enum wt_status wt_cli_pass_read(struct wt_cli_pass *pass, struct wt_error *error)
{
    struct wt_preview_request *request = &pass->request;
    int64_t now_ms = wt_clock_wall_ms();
    enum wt_status status =
        wt_offset_spec_parse("--from", pass->from, now_ms, &request->from, error);
    if (status == WT_OK) {
        status = wt_offset_spec_parse("--to", pass->to, now_ms, &request->to, error);
    }
    if (status == WT_OK && pass->partitions != NULL) {
        status = wt_numbers_parse("--partitions", pass->partitions, &request->numbers, error);
    }
    return status;
}

void wt_cli_pass_free(struct wt_cli_pass *pass)
{
    wt_offset_spec_free(&pass->request.from);
    wt_offset_spec_free(&pass->request.to);
    wt_numbers_free(&pass->request.numbers);
    wt_config_destroy(pass->config);
}
