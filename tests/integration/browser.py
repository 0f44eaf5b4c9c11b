"""A real headless Chromium that looks at the live page."""

import shutil
from importlib import resources

import pytest

SIZES = {"phone": (360, 740), "desktop": (1280, 800)}
SCHEMES = ("light", "dark")


def start():
    """Chromium, driven by Playwright; the test is skipped where one of them is missing."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("NOT PROVEN HERE: there is no Chromium (scripts/setup --test)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("NOT PROVEN HERE: there is no Playwright (scripts/setup --test)")
    driver = sync_playwright().start()
    # As root and in containers Chromium cannot have its own sandbox; the pages are ours.
    return driver, driver.chromium.launch(executable_path=program, args=["--no-sandbox"])


class View:
    """The page of a worker in a window of its own. Whatever the browser complains of is kept."""

    def __init__(self, chromium, port, size="desktop", scheme="light", motion="reduce"):
        width, height = SIZES[size]
        self._context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion=motion)
        self.page = self._context.new_page()
        self.complaints = []
        self.requests = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.origin = f"http://127.0.0.1:{port}"
        self.page.goto(self.origin + "/")

    def text(self, selector):
        return self.page.locator(selector).inner_text()

    def wait_text(self, selector, part, timeout=60):
        self.page.wait_for_function(
            "([selector, part]) => [...document.querySelectorAll(selector)].some((one) => one.textContent.includes(part))",
            arg=[selector, part], timeout=timeout * 1000)

    def accessibility_findings(self):
        """What axe-core finds, with the elements."""
        axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self.page.evaluate(axe)
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
        return [(finding["id"], [node["target"] for node in finding["nodes"]]) for finding in found["violations"]]

    def close(self):
        self._context.close()
