"""The C library as others use it: from an installed prefix that was moved, through pkg-config and find_package."""

import ctypes
import json
import re
import shlex
import shutil
import sys
from types import SimpleNamespace

import pytest
from installed import configure, done, loading, moved_prefix, named, run
from worker import ROOT

EXAMPLES = ROOT / "examples/library"
BUNDLES = {"build": ROOT / "models/demo.pt", "build-fake": ROOT / "tests/golden/fake-model.json"}
TEXTS = ["Сборная выиграла финал чемпионата Европы", "Курс рубля вырос", "слово " * 700, "Да", " "]
LIBRARIES = {"wiretag": ["model.h", "classify.h"], "wiretag-tokenizer": ["status.h", "tokenizer.h"]}
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


@pytest.fixture(scope="module", params=BUNDLES)
def installed(request, tmp_path_factory):
    """A build, installed and moved; its bundle; where pkg-config looks; and what the examples were built to."""
    folder = tmp_path_factory.mktemp("library")
    prefix = moved_prefix(request.param, folder)
    yield SimpleNamespace(prefix=prefix, lib=prefix / "lib", bundle=BUNDLES[request.param], folder=folder)
    shutil.rmtree(folder)


def flags(installed, package):
    """What pkg-config says of a package, and the run path that a program needs outside the system's folders."""
    env = {"PKG_CONFIG_PATH": str(installed.lib / "pkgconfig"), "PATH": "/usr/bin:/bin"}
    said = shlex.split(done("pkg-config", "--cflags", "--libs", package, env=env))
    libdir, = shlex.split(done("pkg-config", "--variable=libdir", package, env=env))
    return [*said, f"-Wl,-rpath,{libdir}"]


def with_pkg_config(installed, source, program, package="wiretag"):
    done("cc", "-std=c11", *STRICT, "-x", "c", source, "-x", "none", "-o", program, *flags(installed, package))
    return program


@pytest.fixture(scope="module", params=["pkg-config", "find_package"])
def examples(request, installed):
    """The folder with the programs of examples/library."""
    folder = installed.folder / request.param
    if request.param == "find_package":
        done("cmake", "-S", EXAMPLES, "-B", folder, f"-DCMAKE_PREFIX_PATH={installed.prefix}",
             f"-DCMAKE_C_FLAGS={' '.join(STRICT)}", "-DCMAKE_C_EXTENSIONS=OFF", "-DCMAKE_C_STANDARD=11")
        done("cmake", "--build", folder)
    else:
        folder.mkdir()
        for source in EXAMPLES.glob("*.c"):
            package = "wiretag-tokenizer" if source.stem == "tokenize" else "wiretag"
            with_pkg_config(installed, source, folder / source.stem, package)
    return folder


def labelled(installed, *options):
    """What the installed program's classify says of TEXTS."""
    lines = "".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate(TEXTS))
    ended = run(installed.prefix / "bin/wiretag", "classify", "--model", installed.bundle, *options, input=lines)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def as_example(line):
    """A line of classify as the examples print it."""
    if "error" in line:
        return f"{line['error']['code']}: {line['error']['message']}"
    return f"{line['category']} {line['score']:.6g}"


# --- the examples ---


def test_classify_says_what_the_program_says(installed, examples):
    ended, loaded = loading(installed.prefix, examples / "classify", installed.bundle, *TEXTS)
    assert (ended.returncode, ended.stderr) == (0, "")
    expected = [as_example(line) for line in labelled(installed)]
    assert ended.stdout.splitlines() == expected
    assert expected[-1] == "text-blank: the text is empty or has nothing visible in it" and len(expected) == len(TEXTS)
    assert {"libwiretag.so.0", "libwiretag-tokenizer.so.0"} <= loaded


def test_the_model_gives_the_logits_of_the_program(installed, examples):
    for text, line in list(zip(TEXTS, labelled(installed, "--logits", "--device", "cpu")))[:-1]:
        ended, _ = loading(installed.prefix, examples / "model", installed.bundle, text)
        assert (ended.returncode, ended.stderr) == (0, "")
        got = [float(row.split()[1]) for row in ended.stdout.splitlines()]
        assert got == pytest.approx(line["logits"], abs=1e-5)


def test_the_tokenizer_needs_the_c_library_alone(installed, examples, tmp_path):
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("[UNK]\n[CLS]\n[SEP]\nсбор\n##ная\nвыиграла\n", encoding="utf-8")
    ended, loaded = loading(installed.prefix, examples / "tokenize", vocabulary, "сборная выиграла матч")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == ["1 [CLS]", "3 сбор", "4 ##ная", "5 выиграла", "0 [UNK]", "2 [SEP]"]
    assert {name for name in loaded if not name.startswith("ld-linux")} == {"libc.so.6", "libwiretag-tokenizer.so.0"}


@pytest.mark.parametrize("program", ["classify", "model", "tokenize"])
def test_an_example_without_its_arguments_says_its_usage(examples, program):
    ended = run(examples / program)
    assert ended.returncode == 1 and ended.stderr.startswith(f"usage: {program} ")
    ended = run(examples / program, "/nowhere/at/all", "text")
    assert ended.returncode == 1 and "/nowhere/at/all" in ended.stderr


def test_python_says_what_the_program_says(installed):
    ended = run(sys.executable, EXAMPLES / "classify.py", installed.lib / "libwiretag.so.0", installed.bundle, *TEXTS, cwd="/")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [re.sub("^text-blank: ", "", as_example(line)) for line in labelled(installed)]


FORKED = """
import ctypes, os, signal, sys

wiretag = ctypes.CDLL(sys.argv[1])

class Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("device", ctypes.c_char_p), ("precision", ctypes.c_char_p),
                ("sha256", ctypes.c_char_p), ("threads_per_call", ctypes.c_uint32)]

class Text(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char_p), ("count", ctypes.c_size_t)]

class Result(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("error", ctypes.c_void_p), ("label", ctypes.c_uint32), ("name", ctypes.c_char_p)]

wiretag.wt_results_get.restype = ctypes.POINTER(Result)
wiretag.wt_results_get.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
options = Options()
wiretag.wt_model_options_defaults(ctypes.byref(options), ctypes.c_size_t(ctypes.sizeof(options)))
options.device, options.precision, options.threads_per_call = b"cpu", b"fp32", 4

def opened():
    classifier = ctypes.c_void_p()
    assert wiretag.wt_classifier_open(sys.argv[2].encode(), ctypes.byref(options), None, ctypes.byref(classifier), None) == 0
    return classifier

def labels(classifier):
    texts = [("слово " * (9 * i + 1)).encode() for i in range(40)]
    array, results = (Text * 40)(*[Text(text, len(text)) for text in texts]), ctypes.c_void_p()
    assert wiretag.wt_classify(classifier, array, ctypes.c_size_t(40), ctypes.byref(results), None) == 0
    return [wiretag.wt_results_get(results, i).contents.name for i in range(40)]

classifier = opened()
wanted = labels(classifier)
child = os.fork()
if child == 0:
    signal.alarm(100)  # what hangs is ended
    os._exit(0 if labels(classifier) == wanted and labels(opened()) == wanted else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), labels(classifier) == wanted)
"""


def test_a_child_of_fork_labels_as_its_parent(installed):
    """As of a server that loads the model, then forks its workers."""
    assert done(sys.executable, "-c", FORKED, installed.lib / "libwiretag.so.0", installed.bundle, cwd="/") == "0 True\n"


# --- the libraries ---


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_exports_what_its_headers_declare_and_nothing_else(installed, library):
    declared = set()
    for header in LIBRARIES[library]:
        text = (installed.prefix / "include/wiretag" / header).read_text(encoding="utf-8")
        declared |= set(re.findall(r"^WT_API [^;]*?\b(wt_\w+)\(", text, re.MULTILINE))
    listed = done("nm", "-D", "--defined-only", installed.lib / f"lib{library}.so").splitlines()
    exported = {line.split()[2] for line in listed if line.split()[1] != "A"}
    assert len(declared) > 5
    assert exported == {f"{name}@@WIRETAG_0" for name in declared}


def test_every_header_is_one_of_a_library(installed):
    there = {path.name for path in (installed.prefix / "include/wiretag").iterdir()}
    assert there == {header for headers in LIBRARIES.values() for header in headers}


def test_the_libraries_need_what_they_say(installed):
    tokenizer, whole = installed.lib / "libwiretag-tokenizer.so", installed.lib / "libwiretag.so"
    assert named(tokenizer, "NEEDED") == ["libc.so.6"]
    assert "libwiretag-tokenizer.so.0" in named(whole, "NEEDED")
    loaded = done("ldd", whole)
    assert "libjansson" in loaded and "not found" not in loaded
    for other in ("yaml", "rdkafka", "microhttpd"):
        assert other not in loaded and other not in " ".join(named(whole, "NEEDED"))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_has_a_version_and_no_run_path_out_of_its_prefix(installed, library):
    plain = installed.lib / f"lib{library}.so"
    assert named(plain, "SONAME") == [f"lib{library}.so.0"]
    assert re.fullmatch(rf"lib{library}\.so\.0\.\d+\.\d+", plain.resolve().name)
    for path in named(plain, "RUNPATH"):
        for entry in path.split(":"):
            assert re.fullmatch(r"\$ORIGIN(/[^.].*)?", entry), path


@pytest.mark.parametrize("header", [header for headers in LIBRARIES.values() for header in headers])
@pytest.mark.parametrize("compiler", [["cc", "-std=c11", "-x", "c"], ["c++", "-std=c++11", "-x", "c++"]], ids=["C", "C++"])
def test_a_header_stands_alone(installed, compiler, header):
    done(*compiler, *STRICT, "-fsyntax-only", f"-I{installed.prefix}/include", "-", input=f'#include "wiretag/{header}"\n')


def test_what_ctypes_knows_of_the_structs_is_what_they_are(installed, tmp_path):
    """examples/library/classify.py repeats two structs and the beginning of a third."""
    source = tmp_path / "sizes.c"
    source.write_text(r"""
        #include <stdio.h>
        #include "wiretag/classify.h"
        int main(void)
        {
            printf("%zu %zu %zu", sizeof(struct wt_error), sizeof(struct wt_text), offsetof(struct wt_result, token_count));
            return 0;
        }""")
    sizes = [int(word) for word in done(with_pkg_config(installed, source, tmp_path / "sizes")).split()]
    text = (EXAMPLES / "classify.py").read_text(encoding="utf-8")
    structs = {}
    exec(text[text.index("from ctypes"):text.index("wiretag = ")], structs)
    assert sizes == [ctypes.sizeof(structs[name]) for name in ("Error", "Text", "Result")]


def test_another_libdir_is_heeded(tmp_path):
    """Debian's has the processor in it. (Configured alone: the files are the same.)"""
    ended = configure(tmp_path, "-DWIRETAG_MODEL=fake", "-DCMAKE_INSTALL_LIBDIR=lib/x86_64-linux-gnu")
    assert ended.returncode == 0, ended.stderr
    said = (tmp_path / "wiretag.pc").read_text()
    assert "prefix=${pcfiledir}/../../..\n" in said and "libdir=${prefix}/lib/x86_64-linux-gnu\n" in said
    assert "includedir=${prefix}/include\n" in said
    listed = (tmp_path / "cmake_install.cmake").read_text()
    assert "/lib/x86_64-linux-gnu/libwiretag.so.0" in listed and "/lib/x86_64-linux-gnu/cmake/wiretag" in listed


# --- the document ---

DOCUMENT = (ROOT / "docs/library.md").read_text(encoding="utf-8")


def snippets(language):
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_every_block_of_the_document_is_tried():
    """Those of sh by tests/style/test_commands.py, the others here."""
    assert set(re.findall(r"^```(\w*)\n.*?^```$", DOCUMENT, re.MULTILINE | re.DOTALL)) == {"sh", "c", "cmake"}
    assert len(snippets("c")) == 3 and len(snippets("cmake")) == 1


@pytest.mark.parametrize("number", range(len(snippets("c"))))
def test_a_snippet_of_the_document_runs(installed, number, tmp_path):
    source = tmp_path / "example.c"
    source.write_text(snippets("c")[number], encoding="utf-8")
    alone = "tokenizer.h" in snippets("c")[number]
    program = with_pkg_config(installed, source, tmp_path / "example", "wiretag-tokenizer" if alone else "wiretag")
    ended, _ = loading(installed.prefix, program, *([] if alone else [installed.bundle]))
    assert (ended.returncode, ended.stderr) == (0, "")
    last = ["the text is empty or has nothing visible in it", f"{labelled(installed)[0]['model']['name']} on cpu", "[SEP]"][number]
    assert ended.stdout.splitlines()[-1] == last


def test_the_document_says_what_a_cmake_project_says(installed, tmp_path):
    (tmp_path / "example.c").write_text(snippets("c")[0], encoding="utf-8")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(example LANGUAGES C)\nadd_executable(example example.c)\n"
        + snippets("cmake")[0], encoding="utf-8")
    done("cmake", "-S", tmp_path, "-B", tmp_path / "built", f"-DCMAKE_PREFIX_PATH={installed.prefix}")
    done("cmake", "--build", tmp_path / "built")
    ended, _ = loading(installed.prefix, tmp_path / "built/example", installed.bundle)
    assert (ended.returncode, ended.stderr) == (0, "") and len(ended.stdout.splitlines()) == 2
