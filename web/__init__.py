"""The page: what it shows, the addresses behind it, and the server that serves it.

In reading order: `render` (how the templates escape), `article`, `ledger`, `timeline` and `page`
(answers as HTML), `library` (the list of reports), `contained` (errors), `queue` (questions in
their order), `uploads` (articles that somebody sends), `routes` (the page's own addresses), `api`
(functions for programs), `assets` (style sheet and scripts), `access` (who may come), `guard` and
`connection` (what is refused), `ui` (the Gradio page), `sample`, `server`, `commands`, `doctor`.
"""
