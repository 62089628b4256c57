"""PDF and HTML files made by hand for tests, so that each byte of them is known."""

from collections.abc import Sequence

STORY = "The Sound ferry sailed on Monday after nine days in dock, the harbour office said."
PICTURE = "a picture"
MORE = "Mara Quill, who heads the office, said that the repair had taken longer than expected."


def pdf_file(*pages: Sequence[str], title: str = "", trailer: str = "") -> bytes:
    """A PDF of one line of text after another; a page without lines holds a drawn box."""
    placed = [[(50, 750 - 14 * n, 12, x) for n, x in enumerate(lines)] for lines in pages]
    return drawn_pdf(*placed, title=title, trailer=trailer)


def drawn_pdf(
    *pages: Sequence[tuple[float, float, float, str]], title: str = "", trailer: str = ""
) -> bytes:
    """A PDF of texts in the order given, each at a place: left, bottom, size, text.

    A page without any holds a drawn box, and one whose only text is PICTURE an image.
    """
    kids = [4 + 2 * n for n in range(len(pages))]
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{' '.join(f'{k} 0 R' for k in kids)}]/Count {len(kids)}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for kid, lines in zip(kids, pages, strict=True):
        drawn = "".join(
            f"/F {size} Tf 1 0 0 1 {x} {y} Tm ({text}) Tj " for x, y, size, text in lines
        )
        content = f"BT {drawn}ET" if lines else "0 0 100 100 re f"
        if [text for *_, text in lines] == [PICTURE]:
            content = "q 500 0 0 500 0 0 cm BI /W 1 /H 1 /BPC 8 /CS /G ID x EI Q"
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {kid + 1} 0 R"
            "/Resources<</Font<</F 3 0 R>>>>>>"
        )
        objects.append(f"<</Length {len(content)}>>stream\n{content}\nendstream")
    objects.append(f"<</Title({title})>>")
    return _assembled([o.encode("latin-1") for o in objects], trailer)


def _assembled(objects: list[bytes], trailer: str) -> bytes:
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R/Info %d 0 R%s>>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, table, size, len(objects), trailer.encode(), len(out))
    )


# Nobody knows its password: both check values are made up.
LOCK = (
    f"/ID[<{'00' * 16}><{'00' * 16}>]/Encrypt<</Filter/Standard/V 1/R 2/P -4"
    f"/O<{'11' * 32}>/U<{'22' * 32}>>>"
)


def page(body: str = f"<p>{STORY}</p>\n<p>{MORE}</p>", head: str = "") -> str:
    """A news page with things around its report."""
    return (
        f"<!doctype html><html><head><title>Ferry | Gazette</title>{head}</head><body>"
        "<nav><ul><li><a href='/home'>Home page</a></li></ul></nav>"
        f"<article><h1>Ferry runs again</h1>{body}</article>"
        "<footer>© 2019 Somebody Else</footer></body></html>"
    )
