#!/usr/bin/env python3
"""Makes the API description that jobd serves from docs/openapi.yaml; with --check fails when it is not up to date."""
import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs/openapi.yaml"
TARGET = ROOT / "Sources/JobService/Routes/OpenAPIDescription.swift"


def swift() -> str:
    text = json.dumps(yaml.safe_load(SOURCE.read_text()), separators=(",", ":"), ensure_ascii=False)
    return (
        "// Made from docs/openapi.yaml by scripts/openapi.py.\n\n"
        "/// The API's description, OpenAPI 3.1.\n"
        "enum OpenAPIDescription {\n"
        "  // swift-format-ignore\n"
        f'  static let json = ##"{text}"##\n'
        "}\n"
    )


def main() -> int:
    made = swift()
    if "--check" in sys.argv[1:]:
        if TARGET.read_text() != made:
            print(f"{TARGET.relative_to(ROOT)} is older than docs/openapi.yaml: run make openapi", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
