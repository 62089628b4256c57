"""The page: what it shows, the addresses behind it, and the server that serves it.

In reading order: `render` (how the templates escape), `article`, `ledger`, `timeline` and `page`
(answers as HTML), `library` (the list of reports), `queue` (questions in their order), `uploads`
(articles that somebody sends), `routes` (the page's own addresses), `api` (functions for programs),
`assets` (style sheet and scripts), `guard` (what is refused), `ui` (the Gradio page), `settings`,
`sample`, `server`, `commands`.
"""
