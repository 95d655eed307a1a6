# What is done to this repository, by name. Everything is plain cargo underneath.

# List the recipes.
default:
    @just --list

# Format, lint and the engine's tests: the inner loop.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo test --locked -p trueup-engine

# The whole suite: units, conformance, scenarios, secrecy, faults, documents.
test:
    cargo xtask test

# Measure and write docs/benchmarks.md.
bench:
    cargo xtask bench --write

# Kill, cut off and interrupt runs everywhere, and write docs/promises.md.
prove:
    cargo xtask prove --report

# Write the JSON Schemas under schemas/.
schema:
    cargo xtask schema

# Licences, duplicates and sources of the dependencies. The advisories need the network: `just deny-all`.
deny:
    cargo deny check licenses bans sources

# The same with the advisory database.
deny-all:
    cargo deny check

# The binary to ship: fat link-time optimisation, stripped.
dist:
    cargo build --profile dist --locked -p trueup

# What a release ships: the same bytes everywhere, the bill of materials, the hashes.
release:
    cargo xtask release
