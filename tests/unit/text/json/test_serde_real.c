/* Numbers as the package reads them. The expected values are its own, not those that are closest. */
#include "text/json/serde_real.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static double read(const char *number)
{
    double real = 0;
    assert_true(wt_serde_real(number, strlen(number), &real));
    return real;
}

/* Compared exactly: that is what the function is for. */
static void expect(const char *number, double wanted)
{
    double got = read(number);
    assert_memory_equal(&got, &wanted, sizeof got);
}

static void short_numbers_are_read_exactly(void **state)
{
    (void)state;
    expect("0", 0.0);
    expect("-0", -0.0);
    expect("-12", -12.0);
    expect("0.1", 0.1);
    expect("-3.5e-3", -0.0035);
    expect("1.5E+3", 1500.0);
    expect("1e22", 1e22);
}

static void long_numbers_are_read_as_the_package_reads_them(void **state)
{
    (void)state;
    expect("-15.774467468261719", -15.77446746826172);
    expect("-1.8771917819976807", -1.8771917819976809);
    expect("-18.728811264038086", -18.72881126403809);
    expect("-13.406111717224121", -13.40611171722412);
}

static void digits_that_do_not_fit_are_dropped(void **state)
{
    (void)state;
    expect("18446744073709551615", 18446744073709551615.0);
    expect("123456789012345678901234567890", 12345678901234567890.0 * 1e10);
    expect("1.0000000000000000000000000000001", 1.0);
}

static void the_ends_of_the_range(void **state)
{
    (void)state;
    double real = 0;
    expect("1e-400", 0.0);
    expect("0e999999999999", 0.0);
    expect("1e308", 1e308);
    assert_false(wt_serde_real("1e309", 5, &real));
    assert_false(wt_serde_real("-1e99999999999", 14, &real));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_numbers_are_read_exactly),
        cmocka_unit_test(long_numbers_are_read_as_the_package_reads_them),
        cmocka_unit_test(digits_that_do_not_fit_are_dropped),
        cmocka_unit_test(the_ends_of_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
