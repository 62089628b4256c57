"""Words of the two sides of one question: rise and fall, before and after."""

from __future__ import annotations

from functools import lru_cache

#: Opposites: words of the two sides of one question, by lemma or as they stand.
_SIDES = """
rise increase grow climb gain jump surge soar up higher upward/fall decrease decline drop shrink
lose plunge sink slump down lower downward; win victory triumph/lose defeat loss; accept approve
pass back support endorse agree favour favor welcome/reject refuse oppose decline turn_down
block veto; before/after; open reopen launch begin start/close shut end finish stop; confirm
admit acknowledge/deny; arrive enter come join/depart leave quit exit; more greater higher
larger bigger/fewer less lower smaller; first initial/last final; north
northern/south southern; east eastern/west western; allow permit
legalise/ban forbid prohibit bar outlaw; above over exceed/below under beneath; success
succeed/failure fail; hire appoint/fire dismiss sack; with/without; include including/exclude
excluding; early earlier/late later; inside/outside; strong stronger/weak weaker; old older/new
newer young younger; major large big/minor small little; same identical/different; increase rise
growth/decrease fall decline drop; guilty convict/innocent acquit; safe/dangerous unsafe; legal
lawful/illegal unlawful; possible/impossible; true/false untrue; likely/unlikely;
public/private; alive survive/dead die; release free/arrest detain jail; remember/forget; cheap
cheaper/expensive costly dearer; raise/cut lower reduce; add/remove; improve better best/worsen
worse worst; many/few; always/never; all every/none; long longer/short shorter; high/low; ally
friend/enemy rival; attack/defend; advance/retreat;
domestic/foreign; present/absent; temporary/permanent; positive/negative; able/unable;
willing/unwilling; complete/incomplete; fast faster quick quicker/slow slower; hot hotter
warm/cold colder; full/empty; male/female; man/woman; men/women; father/mother; son/daughter;
brother/sister; husband/wife; morning/evening; summer/winter; spring/autumn; majority/minority;
maximum/minimum; optimistic/pessimistic; happy/unhappy; successful/unsuccessful
"""


@lru_cache(maxsize=1)
def sides_of_questions() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """For each word the questions of which it is the one side, and those of the other."""
    left: dict[str, set[str]] = {}
    right: dict[str, set[str]] = {}
    for line in _SIDES.split(";"):
        a, b = line.split("/")
        for word in a.split():
            left.setdefault(word, set()).add(line)
        for word in b.split():
            right.setdefault(word, set()).add(line)
    return left, right
