#!/usr/bin/env bash
# What action.yml does with a book: plan, as a comment on a pull request; citations and questions checked; on a push, the ingest.
# Reads BOOK, BUILT_SITE, QUESTIONS and AT_LEAST (see action.yml) and what GitHub sets; runs in a checkout of Lectern.
set -euo pipefail

book="$GITHUB_WORKSPACE/$BOOK"

if [[ "$GITHUB_EVENT_NAME" == pull_request ]]; then
  python -m flows plan "$book" --json | python docs/ci/plan_comment.py
fi

if [[ -n "$BUILT_SITE" ]]; then
  python -m flows verify-links "$book" --site "$GITHUB_WORKSPACE/$BUILT_SITE"
fi

if [[ -n "$QUESTIONS" ]]; then
  thresholds=()
  for threshold in $AT_LEAST; do
    thresholds+=(--at-least "$threshold")
  done
  python -m flows evaluate --set "$GITHUB_WORKSPACE/$QUESTIONS" --out "$RUNNER_TEMP/evaluation" "${thresholds[@]}" "$book"
fi

if [[ "$GITHUB_EVENT_NAME" == push ]]; then
  python -m flows ingest "$book"
fi
