#!/usr/bin/env bash
# How long the status page, its text, the API and a badge take with 5,000 targets that are all down, over 200 requests each with a
# connection of its own. Wants a release build: `cargo build --release && bash benches/page.sh`.
set -euo pipefail
cd "$(dirname "$0")/.."
hekate="$(realpath "${CARGO_TARGET_DIR:-target}")/release/hekate"
folder="$(mktemp -d)"
trap 'kill "$running" 2>/dev/null; rm -rf "$folder"' EXIT
{
    echo 'server: { listen: "127.0.0.1:18090" }'
    echo 'defaults: { interval: 1d, timeout: 1s }'
    echo 'channels: { ops: "http://127.0.0.1:9/" }'
    echo 'groups:'
    for group in $(seq 0 49); do echo "  g$group: {}"; done
    echo 'targets:'
    # Nobody listens there.
    for target in $(seq 0 4999); do echo "  - { name: t$target, group: g$((target % 50)), health: \"http://127.0.0.1:9/\" }"; done
} > "$folder/targets.yaml"
"$hekate" run --config "$folder/targets.yaml" > "$folder/log" 2>&1 &
running=$!
for _ in $(seq 300); do
    if curl --silent --fail --output /dev/null http://127.0.0.1:18090/readyz; then break; fi
    sleep 0.1
done
for path in '/?format=html' '/?format=text' /api/v1/status /badge/all.svg; do
    for _ in $(seq 200); do
        curl --silent --output "$folder/answer" --write-out '%{time_total}\n' "http://127.0.0.1:18090$path"
    done | sort -n | awk -v path="$path" '{ took[NR] = $1 * 1000 }
        END { printf "%-16s median %5.1f ms, 99 %% %5.1f ms, longest %5.1f ms\n", path, took[int(NR / 2)], took[int(NR * 0.99)], took[NR] }'
done
