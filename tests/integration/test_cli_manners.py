"""What the command line owes to whoever types: help, a manual page, completion, mistakes that are named.

Everything is discovered from the program's own help, so that a new command is held to the same.
"""

import os
import re
import shutil
import subprocess

import pytest
import worker
from broker import ROOT

WIRETAG = worker.binary(worker.fake_build())


def run(*arguments, **options):
    return subprocess.run([WIRETAG, *arguments], capture_output=True, text=True, timeout=60, cwd=ROOT,
                          stdin=subprocess.DEVNULL, **options)


def help_of(*command):
    done = run(*command, "--help")
    assert (done.returncode, done.stderr) == (0, ""), command
    return done.stdout


def commands():
    """Every command, as words: ("run",), ("bench",), ("bench", "model"), ..."""
    listed = help_of().split("Commands:\n")[1].split("\n\n")[0]
    for name in re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE):
        yield (name,)
        for inner in dict.fromkeys(re.findall(rf"^(?:Usage:| {{6}}) wiretag {name} ([a-z]+)\b", help_of(name), re.MULTILINE)):
            yield (name, inner)


COMMANDS = [(), *commands()]
NAMES = [" ".join(command) or "wiretag" for command in COMMANDS]


def options_of(command):
    return re.findall(r"^  (?:-\w, )?(--[a-z][a-z0-9-]*)", help_of(*command), re.MULTILINE)


def test_commands_are_discovered():
    assert {("run",), ("classify",), ("tokenize",), ("bench",), ("bench", "tokenize")} <= set(COMMANDS)


# --- help ---


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_help_fits_a_screen_says_how_to_call_and_shows_an_example(command):
    text = help_of(*command)
    assert re.search(rf"^(Usage: |       ){' '.join(('wiretag', *command))} ", text, re.MULTILINE)
    assert re.search(r"^Examples?:\n  ", text, re.MULTILINE)
    assert len(text.splitlines()) <= 48 and max(map(len, text.splitlines())) <= 100
    assert "--help" in options_of(command) or "--help has the options of one" in text
    assert run(*command, "-h").stdout == text
    assert run("help", *command).stdout == text


def test_the_first_command_of_each_example_is_one_that_there_is():
    for command in COMMANDS:
        for words in re.findall(r"\bwiretag ((?:[a-z]+ ?)+)", help_of(*command).split("Example")[1]):
            assert (words.split()[0],) in COMMANDS, (command, words)


# --- mistakes ---


@pytest.mark.parametrize("arguments, message", [
    ([], "wiretag: no command given"),
    (["labl"], "wiretag: no command labl; the commands are run, "),
    (["help", "labl"], "wiretag: no command labl; the commands are run, "),
    (["--verbose"], "wiretag: unknown option --verbose"),
    (["run", "--conf"], "wiretag run: --conf needs a value"),
    (["run", "-c"], "wiretag run: -c needs a value"),
    (["run", "-z"], "wiretag run: unknown option -z"),
    (["run", "-c", "x", "--sat=1"], "wiretag run: unknown option --sat"),
    (["classify", "--logits=2"], "wiretag classify: --logits takes no value"),
    (["tokenize", "--model"], "wiretag tokenize: --model needs a value"),
    (["bench", "modle"], "wiretag bench: no benchmark modle; choose tokenize, model"),
])
def test_a_mistyped_call_is_named_in_one_line_with_the_way_to_the_help(arguments, message):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    first, second = done.stderr.splitlines()
    assert first.startswith(message)
    assert re.fullmatch(r"Try: wiretag( [a-z]+)? --help", second)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c], ids=[n for n in NAMES if n != "wiretag"])
def test_every_command_names_an_option_that_it_does_not_know(command):
    done = run(*command, "--no-such-option")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--no-such-option" in done.stderr
    assert f"Try: wiretag {' '.join(command)} --help" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="/dev/full is not there")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]])
def test_a_full_disk_is_a_failure(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run([WIRETAG, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_a_closed_stdout_is_a_failure():
    done = subprocess.run(["sh", "-c", 'exec "$0" --help >&-', WIRETAG], stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "Bad file descriptor" in done.stderr


# --- the manual page ---


@pytest.fixture(scope="module")
def page():
    done = subprocess.run([ROOT / "scripts/tools/manpage", WIRETAG], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_manual_page_has_every_command_with_its_options(page):
    sections = dict(zip(re.findall(r"^\.SS wiretag (.*)$", page, re.MULTILINE),
                        re.split(r"^\.SS .*$", page, flags=re.MULTILINE)[1:], strict=True))
    assert list(sections) == [name for name in NAMES if name != "wiretag"]
    for command, name in zip(COMMANDS, NAMES):
        text = sections[name] if command else page.split(".SH COMMANDS")[0]
        for option in options_of(command):
            escaped = option.replace("-", r"\\-")
            assert re.search(rf"^\.TP\n\.B (\\-\w, )?{escaped}\b.*\n\S", text, re.MULTILINE), f"{name} {option}"


def test_the_manual_page_of_the_build_is_current(page):
    if "sanitize" in str(WIRETAG) or not (WIRETAG.parent / "wiretag.1").exists():
        pytest.skip("only the builds that are installed have one")
    assert (WIRETAG.parent / "wiretag.1").read_text() == page


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not there")
def test_the_manual_page_is_sound_roff_and_keeps_what_roff_would_eat(page):
    done = subprocess.run(["groff", "-man", "-ww", "-K", "utf8", "-T", "utf8", "-P-c", "-rLL=200n"], input=page, text=True,
                          capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    example = help_of("run").split("Example:\n")[1].splitlines()[0].strip()
    assert example in done.stdout  # the backslash at its end, dashes, brackets
    assert "Сборная выиграла матч" in done.stdout


# --- completion ---


def complete(*words):
    """What bash offers for the last of the words, which may be empty."""
    script = ('source scripts/tools/completion/wiretag.bash; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              '_wiretag "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script, "bash", str(WIRETAG), *words], cwd=ROOT, capture_output=True, text=True,
                          timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize("command", COMMANDS, ids=NAMES)
def test_completion_offers_every_command_and_option_that_the_help_has(command):
    inner = [c[-1] for c in COMMANDS if len(c) == len(command) + 1 and c[:-1] == command]
    options = options_of(command)
    assert complete(*command, "") == (inner or options)
    if options:
        assert complete(*command, "--") == options


def test_completion_offers_the_words_and_files_that_a_value_may_be():
    assert complete("classify", "--device", "") == ["auto", "cpu", "cuda", "cuda:"]
    assert complete("classify", "--model", "x", "--logits", "--device", "cp") == ["cpu"]
    assert complete("run", "-c", "config/wire") == ["config/wiretag.yaml"]
    assert complete("classify", "--model", "models/d") == ["models/demo.pt"]
    assert complete("cl") == ["classify"]
    assert complete("classify", "--batch-tokens", "") == []


def test_completion_is_installed_for_the_name_wiretag():
    script = "source scripts/tools/completion/wiretag.bash; complete -p wiretag"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "complete -F _wiretag wiretag\n"


@pytest.mark.skipif(shutil.which("zsh") is None, reason="NOT PROVEN HERE: zsh is not there")
def test_zsh_offers_what_bash_offers():
    script = ("fpath=($PWD/scripts/tools/completion $fpath); autoload -Uz _wiretag; compadd() { print -l -- $found }; "
              '_files() { print files }; words=("$@"); CURRENT=$#; _wiretag')

    def offered(*words):
        done = subprocess.run(["zsh", "-fc", script, "zsh", str(WIRETAG), *words], cwd=ROOT, capture_output=True, text=True,
                              timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split()
    for words in ([""], ["re"], ["replay", "--"], ["bench", ""], ["classify", "--device", "c"]):
        assert offered(*words) == complete(*words) != []
    assert offered("classify", "--model", "mod") == ["files"]


# --- installation ---


def test_an_installed_wiretag_runs_and_has_its_page_and_its_completion_beside_it(tmp_path):
    build = WIRETAG.parent
    if not (build / "wiretag.1").exists():
        pytest.skip("a build under a sanitizer is not installed")
    subprocess.run(["cmake", "--install", build, "--prefix", tmp_path], check=True, capture_output=True, timeout=60)
    installed = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    # Of libraries and their headers: test_install.py, test_library.py.
    libraries = ("lib", "include/wiretag/", "share/doc/wiretag/librdkafka/", "share/doc/wiretag/libtorch/")
    assert {path for path in installed if not path.startswith(libraries)} == {
        "bin/wiretag", "share/man/man1/wiretag.1", "share/bash-completion/completions/wiretag",
        "share/zsh/site-functions/_wiretag",
        "share/doc/wiretag/wiretag.yaml", "share/doc/wiretag/LICENSE", "share/doc/wiretag/THIRD_PARTY.md"}
    done = subprocess.run([tmp_path / "bin/wiretag", "--version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.startswith("wiretag ")
