#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""What an answer says to people, in one line of bounded length."""

import html
import http
import re

#: The most of the hardware's words that goes into one message.
MAX_REASON = 500
#: The most of an answer that is no JSON that is looked at for them. Finding
#: tags takes time that grows with its square.
MAX_PAGE = 4096


def line(text: str) -> str:
    """``text`` without control characters, on one line, of bounded length."""
    text = " ".join(
        "".join(c if c.isprintable() else " " for c in text).split()
    )
    if len(text) > MAX_REASON:
        text = text[: MAX_REASON - 1].rstrip() + "…"
    return text


def phrase(status: int) -> str:
    """HTTP's own words for a status whose answer has none."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "it gave no reason"


def page(content: bytes) -> str:
    """The words of an answer that is no JSON, and may be an HTML page."""
    text = content[:MAX_PAGE].decode("utf-8", "replace")
    if "<" in text:
        title = re.search(r"(?is)<title[^>]*>(.*?)</title", text)
        if title and title.group(1).strip():
            text = title.group(1)
        else:
            text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", " ", text)
        text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return line(text)
