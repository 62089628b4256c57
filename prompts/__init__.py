"""Every text that a language model is sent, one file each; read by `rag/prompts.py` alone."""
