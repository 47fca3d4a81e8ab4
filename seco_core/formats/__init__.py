"""What an export consists of, one format a file; `seco_core.export` puts them together."""
