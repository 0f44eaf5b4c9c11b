/* How many processors may be used: on recorded trees of containers, services and plain machines, and
 * on this one, with an affinity and a quota of its own. */
#include "base/processors.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- recorded trees -------------------------------------------------------------------------- */

struct entry {
    const char *path;
    const char *text;
};

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

/* What is counted in a tree of these files, with `allowed` processors of 64. */
static struct wt_processors count_in(const struct entry *entries, size_t count, uint32_t allowed)
{
    const char *folder = getenv("TMPDIR");
    char root[400];
    (void)snprintf(root, sizeof root, "%s/wiretag-processors-XXXXXX",
                   folder != NULL ? folder : "/tmp");
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < count; i++) {
        char path[1000];
        (void)snprintf(path, sizeof path, "%s%s", root, entries[i].path);
        make_folders(path);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(entries[i].text, file) >= 0);
        assert_int_equal(fclose(file), 0);
    }
    struct wt_processors processors = wt_processors_at(root, allowed, 64);
    assert_int_equal(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    return processors;
}

#define COUNT_IN(entries, allowed)                                                                 \
    count_in(entries, sizeof(entries) / sizeof((entries)[0]), allowed)

static void assert_counted(struct wt_processors processors, uint32_t count, const char *limit)
{
    assert_int_equal(processors.count, count);
    assert_string_equal(processors.limit, limit);
    assert_int_equal(processors.online, 64);
}

/* A second mount before the one that counts, as every machine has. */
#define PROC "22 29 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw\n"
#define V2(root)                                                                                   \
    "30 22 0:26 " root " /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

static void without_groups_the_affinity_counts(void **state)
{
    (void)state;
    assert_counted(wt_processors_at("/nonexistent", 5, 64), 5, "affinity");
    assert_counted(wt_processors_at("/nonexistent", 64, 64), 64, "affinity");
    /* Nothing is known: one there is. */
    assert_int_equal(wt_processors_at("/nonexistent", 0, 0).count, 1);
    const struct entry none[] = {{"/proc/self/cgroup", "0::/\n"},
                                 {"/proc/self/mountinfo", PROC V2("/")}};
    assert_counted(COUNT_IN(none, 7), 7, "affinity");
}

static void a_container_of_version_2_has_its_quota_rounded_up(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t count;
        const char *limit;
    } cases[] = {
        {"max 100000\n", 16, "affinity"},
        {"200000 100000\n", 2, "quota"},
        {"150000 100000\n", 2, "quota"},
        {"10000 100000\n", 1, "quota"},
        {"1600000 100000\n", 16, "affinity"},
        {"1590000 100000\n", 16, "affinity"},
        {"3200000 100000\n", 16, "affinity"},
        {"25000 50000\n", 1, "quota"},
        {"\n", 16, "affinity"},
        {"0 0\n", 16, "affinity"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct entry tree[] = {{"/proc/self/cgroup", "0::/\n"},
                                     {"/proc/self/mountinfo", PROC V2("/")},
                                     {"/sys/fs/cgroup/cpu.max", cases[i].text}};
        assert_counted(COUNT_IN(tree, 16), cases[i].count, cases[i].limit);
    }
}

static void the_least_of_nested_groups_counts(void **state)
{
    (void)state;
    /* A service in a slice: the slice has the smaller quota, the group above both the cpuset. */
    const struct entry tree[] = {
        {"/proc/self/cgroup", "0::/feed.slice/feed-news.slice/wiretag@1.service\n"},
        {"/proc/self/mountinfo", PROC V2("/")},
        {"/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n"},
        {"/sys/fs/cgroup/feed.slice/cpuset.cpus.effective", "0-7,16\n"},
        {"/sys/fs/cgroup/feed.slice/cpu.max", "max 100000\n"},
        {"/sys/fs/cgroup/feed.slice/feed-news.slice/cpu.max", "350000 100000\n"},
        {"/sys/fs/cgroup/feed.slice/feed-news.slice/wiretag@1.service/cpu.max", "600000 100000\n"},
        {"/sys/fs/cgroup/feed.slice/other.service/cpu.max", "100000 100000\n"}};
    struct wt_processors processors = COUNT_IN(tree, 64);
    assert_counted(processors, 4, "quota");
    assert_true(fabs(processors.quota - 3.5) < 1e-9);
    assert_counted(COUNT_IN(tree, 3), 3, "affinity");
    /* Without the slice's quota that of the service, and without any the cpuset. */
    const struct entry looser[] = {tree[0], tree[1], tree[2], tree[3], tree[4], tree[6]};
    assert_counted(COUNT_IN(looser, 64), 6, "quota");
    const struct entry loosest[] = {tree[0], tree[1], tree[2], tree[3], tree[4]};
    assert_counted(COUNT_IN(loosest, 64), 9, "cpuset");
    assert_counted(COUNT_IN(loosest, 9), 9, "cpuset");
    assert_counted(COUNT_IN(loosest, 8), 8, "affinity");
}

/* The group's name is the one it has outside, and its mount is the container's top. */
static void a_container_of_version_1_finds_its_groups(void **state)
{
    (void)state;
    const struct entry tree[] = {
        {"/proc/self/cgroup", "12:pids:/docker/4f1c\n11:cpuset:/docker/4f1c\n"
                              "4:cpu,cpuacct:/docker/4f1c\n1:name=systemd:/docker/4f1c\n"},
        {"/proc/self/mountinfo", PROC
         "31 30 0:28 /docker/4f1c /sys/fs/cgroup/cpu,cpuacct ro,relatime master:11 - cgroup "
         "cgroup rw,cpu,cpuacct\n"
         "32 30 0:29 /docker/4f1c /sys/fs/cgroup/cpuset ro,relatime - cgroup cgroup rw,cpuset\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/cpuset/cpuset.effective_cpus", "0,2,4-9\n"},
        {"/sys/fs/cgroup/cpuset/cpuset.cpus", "\n"}};
    assert_counted(COUNT_IN(tree, 64), 3, "quota");
    const struct entry unlimited[] = {tree[0],
                                      tree[1],
                                      {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
                                      tree[3],
                                      tree[4]};
    assert_counted(COUNT_IN(unlimited, 64), 8, "cpuset");
}

/* A pod's groups from the node's side, on version 1: each level may have a quota. */
static void nested_groups_of_version_1_are_all_read(void **state)
{
    (void)state;
    const struct entry tree[] = {
        {"/proc/self/cgroup", "3:cpuacct,cpu:/kubepods/pod7/c1\n2:memory:/kubepods/pod7/c1\n"},
        {"/proc/self/mountinfo",
         "40 30 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/kubepods/pod7/cpu.cfs_quota_us", "200000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/kubepods/pod7/cpu.cfs_period_us", "100000\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/kubepods/pod7/c1/cpu.cfs_quota_us", "-1\n"},
        {"/sys/fs/cgroup/cpu,cpuacct/kubepods/pod7/c1/cpu.cfs_period_us", "100000\n"}};
    assert_counted(COUNT_IN(tree, 64), 2, "quota");
}

/* Both versions at once; the processors are with version 1, and a mount has a blank in its name. */
static void both_versions_side_by_side_are_read(void **state)
{
    (void)state;
    const struct entry tree[] = {{"/proc/self/cgroup", "2:cpu:/batch\n0::/user.slice\n"},
                                 {"/proc/self/mountinfo",
                                  "31 23 0:29 / /sys/fs/c\\040g/cpu rw - cgroup cgroup rw,cpu\n"
                                  "32 23 0:30 / /sys/fs/unified rw - cgroup2 cgroup2 rw\n"},
                                 {"/sys/fs/c g/cpu/batch/cpu.cfs_quota_us", "400000\n"},
                                 {"/sys/fs/c g/cpu/batch/cpu.cfs_period_us", "100000\n"},
                                 {"/sys/fs/unified/user.slice/cpu.max", "900000 100000\n"}};
    assert_counted(COUNT_IN(tree, 64), 4, "quota");
    const struct entry other[] = {tree[0], tree[1], tree[4]};
    assert_counted(COUNT_IN(other, 64), 9, "quota");
}

/* Another container's group that is mounted too has nothing to say; a group that is mounted nowhere
 * is taken to be the one that is. */
static void a_mount_of_another_group_counts_only_where_there_is_no_other(void **state)
{
    (void)state;
    const struct entry two[] = {
        {"/proc/self/cgroup", "0::/box/a\n"},
        {"/proc/self/mountinfo", "31 23 0:29 /box/b /mnt/b rw - cgroup2 cgroup2 rw\n" V2("/box/a")},
        {"/mnt/b/cpu.max", "100000 100000\n"},
        {"/sys/fs/cgroup/cpu.max", "500000 100000\n"}};
    assert_counted(COUNT_IN(two, 64), 5, "quota");
    const struct entry outside[] = {{"/proc/self/cgroup", "0::/../b\n"},
                                    {"/proc/self/mountinfo", V2("/")},
                                    {"/sys/fs/cgroup/cpu.max", "700000 100000\n"}};
    assert_counted(COUNT_IN(outside, 64), 7, "quota");
}

static void logs_say_how_many_are_used_and_why(void **state)
{
    (void)state;
    char text[64];
    struct wt_processors processors = {.count = 2, .online = 2, .limit = "affinity"};
    assert_string_equal(wt_processors_describe(&processors, text, sizeof text), "2 processors");
    processors.online = 64;
    assert_string_equal(wt_processors_describe(&processors, text, sizeof text),
                        "2 of 64 processors (affinity)");
    processors.limit = "quota";
    processors.quota = 1.5;
    assert_string_equal(wt_processors_describe(&processors, text, sizeof text),
                        "2 of 64 processors (quota of 1.50)");
    processors.count = processors.online = 1;
    assert_string_equal(wt_processors_describe(&processors, text, sizeof text), "1 processor");
}

/* Lines that no kernel writes are passed over. */
static void broken_files_do_no_harm(void **state)
{
    (void)state;
    const struct entry tree[] = {{"/proc/self/cgroup", "\nnonsense\n0:\n0::\n0::/a\n"},
                                 {"/proc/self/mountinfo", "\n - \n1 2 3 - cgroup2 x\n" V2("/")},
                                 {"/sys/fs/cgroup/a/cpu.max", "lots and lots\n"},
                                 {"/sys/fs/cgroup/a/cpuset.cpus.effective", "9-2,x\n"},
                                 {"/sys/fs/cgroup/cpu.max", ""}};
    assert_counted(COUNT_IN(tree, 12), 12, "affinity");
}

/* --- this machine ---------------------------------------------------------------------------- */

/* What a child counts that first puts itself where `enter` wants it. */
static struct wt_processors counted_by_a_child(bool (*enter)(const void *), const void *where,
                                               bool *entered_out)
{
    int ends[2];
    struct wt_processors processors = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        bool done = enter(where);
        processors = wt_processors_read();
        done = done && write(ends[1], &processors, sizeof processors) == sizeof processors;
        _exit(done ? 0 : 1);
    }
    (void)close(ends[1]);
    int status = 0;
    *entered_out = read(ends[0], &processors, sizeof processors) == sizeof processors;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return processors;
}

static bool enter_affinity(const void *where)
{
    return sched_setaffinity(0, sizeof(cpu_set_t), where) == 0;
}

static void an_affinity_of_this_machine_counts(void **state)
{
    (void)state;
    cpu_set_t mask;
    cpu_set_t one;
    bool entered;
    assert_int_equal(sched_getaffinity(0, sizeof mask, &mask), 0);
    struct wt_processors all = counted_by_a_child(enter_affinity, &mask, &entered);
    assert_true(entered);
    assert_true(all.count >= 1 && all.count <= (uint32_t)CPU_COUNT(&mask));
    CPU_ZERO(&one);
    for (size_t i = CPU_SETSIZE; i-- > 0 && CPU_COUNT(&one) == 0;) {
        if (CPU_ISSET(i, &mask)) {
            CPU_SET(i, &one);
        }
    }
    struct wt_processors alone = counted_by_a_child(enter_affinity, &one, &entered);
    assert_true(entered);
    assert_int_equal(alone.count, 1);
    assert_int_equal(alone.online, sysconf(_SC_NPROCESSORS_ONLN));
}

static bool write_text(const char *folder, const char *name, const char *text)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0) {
        (void)close(fd);
    }
    return written;
}

static bool enter_group(const void *where)
{
    return write_text(where, "cgroup.procs", "0\n");
}

/* Needs a machine with two processors that lets us make groups. */
static void a_quota_of_this_machine_counts(void **state)
{
    (void)state;
    static const char *const tops[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu"};
    bool tried = false;
    for (size_t i = 0; i < 2 && !tried; i++) {
        char folder[200];
        (void)snprintf(folder, sizeof folder, "%s/wiretag-test-%d", tops[i], (int)getpid());
        if (mkdir(folder, 0755) != 0) {
            continue;
        }
        bool entered = false;
        struct wt_processors processors = {0};
        if (write_text(folder, "cpu.max", "70000 100000") ||
            write_text(folder, "cpu.cfs_quota_us", "70000")) {
            processors = counted_by_a_child(enter_group, folder, &entered);
        }
        assert_int_equal(rmdir(folder), 0);
        if (entered) {
            tried = true;
            assert_int_equal(processors.count, 1);
            assert_true(fabs(processors.quota - 0.7) < 1e-9);
        }
    }
    if (!tried) {
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_groups_the_affinity_counts),
        cmocka_unit_test(a_container_of_version_2_has_its_quota_rounded_up),
        cmocka_unit_test(the_least_of_nested_groups_counts),
        cmocka_unit_test(a_container_of_version_1_finds_its_groups),
        cmocka_unit_test(nested_groups_of_version_1_are_all_read),
        cmocka_unit_test(both_versions_side_by_side_are_read),
        cmocka_unit_test(a_mount_of_another_group_counts_only_where_there_is_no_other),
        cmocka_unit_test(logs_say_how_many_are_used_and_why),
        cmocka_unit_test(broken_files_do_no_harm),
        cmocka_unit_test(an_affinity_of_this_machine_counts),
        cmocka_unit_test(a_quota_of_this_machine_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
