"""What a page must hold to in a browser, whatever study it is of."""

import base64
import json
import re
from pathlib import Path
from typing import Any

from support.chrome import Chrome

AXE = Path(__file__).parents[1] / "vendor" / "axe.min.js"
VIOLATIONS = """axe.run({resultTypes: ["violations"]}).then(found => found.violations.map(v =>
    [v.impact, v.id, v.nodes.slice(0, 3).map(node => node.html.slice(0, 200) + node.failureSummary)]))"""
PASSED = ["color-contrast", "heading-order", "select-name"]  # looked for and found right: axe did run
UNFOLD = "document.querySelectorAll('details').forEach(fold => { fold.open = true; })"
FIGURES = """[...document.querySelectorAll("figure.picture svg")].map(svg => {
    const drawing = document.querySelector(svg.querySelector("use").getAttribute("href"));
    const sizes = decodeURIComponent(drawing.getAttribute("href")).match(/font-size:[0-9.]+/g).map(s => s.slice(10));
    const box = svg.getBoundingClientRect();
    return {kind: svg.className.baseVal, shown: box.width > 0, right: box.right,
            sizes: sizes.map(size => size * box.width / svg.viewBox.baseVal.width)};
})"""
TEXTS = """[...document.querySelectorAll("main *")]
    .filter(e => e.namespaceURI.endsWith("xhtml") && e.getClientRects().length
    && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && !e.closest("svg"))
    .map(e => [parseFloat(getComputedStyle(e).fontSize), e.textContent.slice(0, 80)])"""
COVERED = """(() => {
    const frame = document.documentElement.getBoundingClientRect();
    const texts = [...document.querySelectorAll("text")].map(t => [t.textContent, t.getBoundingClientRect()]);
    const out = texts.filter(([, b]) => b.left < frame.left - 1 || b.right > frame.right + 1
        || b.top < frame.top - 1 || b.bottom > frame.bottom + 1).map(([said]) => "cut: " + said);
    texts.forEach(([one, a], i) => texts.slice(i + 1).forEach(([other, b]) => {
        const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (wide > 1 && high > 0.3 * Math.min(a.height, a.width, b.height, b.width))
            out.push(`over each other: ${one} | ${other}`);
    }));
    return out;
})()"""


def serious(browser: Chrome) -> list[Any]:
    """What axe finds serious or critical on the page that is open."""
    browser.run(AXE.read_text("utf-8") + ";0")
    return [violation for violation in browser.run(VIOLATIONS) if violation[0] in ("serious", "critical")]


def rules_passed(browser: Chrome) -> set[str]:
    """Those of PASSED that axe, already run, found kept."""
    return {*browser.run(f"axe.run({{runOnly: {json.dumps(PASSED)}}}).then(r => r.passes.map(p => p.id))")}


def pages(browser: Chrome, address: str) -> int:
    """How many pages of paper an address takes."""
    browser.open(address, 1400)
    pdf = base64.b64decode(browser("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert pdf.startswith(b"%PDF")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def opening(browser: Chrome, address: str) -> float:
    """CPU seconds of the page's thread until the page stands: the time that it takes where nothing else is at work."""
    browser("Performance.enable", timeDomain="threadTicks")
    browser.open(address, 1400)
    spent = {metric["name"]: metric["value"] for metric in browser("Performance.getMetrics")["metrics"]}
    browser("Performance.disable")
    return float(spent["TaskDuration"])
