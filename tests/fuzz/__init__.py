"""A coverage-guided fuzzer for whatever reads bytes that others have written."""
