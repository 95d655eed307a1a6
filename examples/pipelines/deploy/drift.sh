#!/bin/sh
# Looks for drift and keeps the last report that is complete.
#
#   drift.sh STACK ENV FOLDER
#
# Ends as `trueup drift` does. Says one line on stdout when a person has to know, and nothing otherwise.
set -u
stack=$1 environment=$2 folder=$3
umask 077
new=$folder/drift.new.json
code=0
trueup drift "$stack" "$environment" --json > "$new" || code=$?
case $code in
  0 | 2 | 7) mv -f "$new" "$folder/drift.json" ;;
esac
case $code in
  0) ;;
  2) echo "trueup: $stack ($environment) differs from its manifest: $folder/drift.json" ;;
  6) echo "trueup: $stack ($environment) could not be read completely: $new" ;;
  7) echo "trueup: $stack ($environment) is as its manifest says and cannot be used: $folder/drift.json" ;;
  *) echo "trueup: drift of $stack ($environment) ended with $code: $new" ;;
esac
exit "$code"
