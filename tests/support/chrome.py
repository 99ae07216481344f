"""A page in Debian's headless Chromium, driven by its DevTools protocol over a pipe: no package, no port."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
QUIET = ("--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
         "--disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars "
         "--remote-debugging-pipe").split()  # fmt: skip
PATIENCE = 60  # seconds for an answer


class Chrome:
    """One browser with one page; `events` are all that the page reported since the last `open`."""

    def __init__(self, profile: Path) -> None:
        theirs, self.ours = os.pipe()
        self.answers, back = os.pipe()
        command = [str(CHROMIUM), *QUIET, f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs} 4>&{back}', "bash", *command],
            pass_fds=(theirs, back),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        os.close(back)
        self.number, self.buffer, self.session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self.session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self(f"{domain}.enable")

    def __call__(self, method: str, **params: object) -> dict[str, Any]:
        """Send one command and return its result. Raises RuntimeError for an error, TimeoutError for silence."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.ours, json.dumps(message).encode() + b"\0")
        answer = self.wait(lambda said: said.get("id") == self.number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def wait(self, wanted: Any) -> dict[str, Any]:
        """Read messages until one is wanted; the others are kept as events."""
        late = time.monotonic() + PATIENCE
        while True:
            message = self.read(late)
            if "method" in message:
                self.events.append(message)
            if wanted(message):
                return message

    def read(self, late: float) -> dict[str, Any]:
        """The next message."""
        while b"\0" not in self.buffer:
            if not select.select([self.answers], [], [], max(0.0, late - time.monotonic()))[0]:
                raise TimeoutError("Chromium says nothing")
            if not (part := os.read(self.answers, 1 << 20)):
                raise RuntimeError("Chromium has gone")
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def open(self, url: str, width: int, height: int = 900, scheme: str = "light") -> None:
        """Load a page in a window of that size, in a light or a dark colour scheme."""
        self.events.clear()
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self("Page.navigate", url="about:blank")
        self.wait(lambda said: said.get("method") == "Page.loadEventFired")
        self.events.clear()
        self("Page.navigate", url=url)
        self.wait(lambda said: said.get("method") == "Page.loadEventFired")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for. Raises RuntimeError where it throws."""
        result = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:2000])
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release one key."""
        for kind in ("keyDown", "keyUp"):
            self("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=KEYS[key])

    def picture(self, path: Path, clip: dict[str, float] | None = None) -> None:
        """Save what the window shows, or a part of the page, as PNG."""
        part = {"clip": clip | {"scale": 1}, "captureBeyondViewport": True} if clip else {}
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot", **part)["data"]))

    def close(self) -> None:
        """End the browser."""
        self.session = ""
        try:
            self("Browser.close")
            self.process.wait(20)
        except (RuntimeError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        finally:
            os.close(self.ours)
            os.close(self.answers)


KEYS = {"Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "Enter": 13}
