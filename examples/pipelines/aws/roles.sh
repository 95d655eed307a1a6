#!/bin/sh
# Makes the three roles, each with the exact policy of its command. Run it once, as somebody who may make roles.
#
#   roles.sh STACK ENV github|gitlab
set -eu
stack=$1 environment=$2 forge=$3
for command in plan apply drift; do
  trueup iam "$stack" "$environment" --for "$command" --json > "policy-$command.json"
  aws iam create-role --role-name "trueup-$command" \
    --assume-role-policy-document "file://aws/$forge-$command-trust.json"
  aws iam put-role-policy --role-name "trueup-$command" --policy-name "$command" \
    --policy-document "file://policy-$command.json"
done
