"""Puts a report of trueup in place in a pull request or merge request, and finds the plan that was reviewed there.

    review.py comment REPORT [--plan PLAN]   one comment for each command, stack and environment, edited in place
    review.py reviewed STACK ENV [--fetch PLAN]
                                             digest and run of the plan in the comment of the request that was merged

The first line of a report in Markdown is a comment that nobody sees and that stays the same; it is what the comment is
found by again. With `--plan` the last line says which plan it is and which run made it. Only comments of the account
that runs this count, so nobody else's comment can name a plan. Works with GitHub (in GitHub Actions) and with GitLab (in
GitLab CI), with nothing but Python's standard library.
"""

import argparse
import json
import os
import re
import sys
import urllib.error
import urllib.request

PLAN = re.compile(r"<!-- trueup-plan digest=([0-9a-f]{64}) run=([0-9]+) -->")
PAGE = 100


def send(method, url, headers, body=None):
    data = None if body is None else json.dumps(body).encode("utf-8")
    headers = {"Content-Type": "application/json", "User-Agent": "trueup-review", **headers}
    request = urllib.request.Request(url, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read()


class Forge:
    """What the two have in common: a list of comments, to which one is added or in which one is changed."""

    def call(self, method, path, body=None):
        return json.loads(send(method, self.base + path, self.headers, body))

    def pages(self, path):
        page = 1
        while True:
            found = self.call("GET", f"{path}?per_page={PAGE}&page={page}")
            yield from found
            if len(found) < PAGE:
                return
            page += 1

    def find(self, request, marker):
        """Our comment with a marker: the last one, should there be several."""
        ours = [
            comment
            for comment in self.pages(self.comments(request))
            if self.is_ours(comment) and comment["body"].splitlines()[:1] == [marker]
        ]
        return ours[-1] if ours else None


class GitHub(Forge):
    def __init__(self):
        self.base = f"{os.environ['GITHUB_API_URL']}/repos/{os.environ['GITHUB_REPOSITORY']}"
        self.headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
        self.run = os.environ["GITHUB_RUN_ID"]

    def is_ours(self, comment):
        # Whose comments those of the workflow's own token are.
        return comment["user"]["login"] == "github-actions[bot]"

    def request(self):
        return os.environ["PULL_REQUEST"]

    def merged(self):
        pulls = self.call("GET", f"/commits/{os.environ['GITHUB_SHA']}/pulls")
        return [pull["number"] for pull in pulls if pull["merged_at"]]

    def comments(self, request):
        return f"/issues/{request}/comments"

    def put(self, request, comment, body):
        if comment is None:
            self.call("POST", self.comments(request), {"body": body})
        else:
            self.call("PATCH", f"/issues/comments/{comment['id']}", {"body": body})


class GitLab(Forge):
    def __init__(self):
        self.api = os.environ["CI_API_V4_URL"]
        self.base = f"{self.api}/projects/{os.environ['CI_PROJECT_ID']}"
        self.headers = {"PRIVATE-TOKEN": os.environ["REVIEW_TOKEN"]}
        self.run = os.environ["CI_JOB_ID"]
        self.us = None

    def is_ours(self, comment):
        if self.us is None:
            self.us = json.loads(send("GET", f"{self.api}/user", self.headers))["id"]
        return comment["author"]["id"] == self.us

    def request(self):
        return os.environ["CI_MERGE_REQUEST_IID"]

    def merged(self):
        requests = self.call("GET", f"/repository/commits/{os.environ['CI_COMMIT_SHA']}/merge_requests")
        return [request["iid"] for request in requests if request["state"] == "merged"]

    def comments(self, request):
        return f"/merge_requests/{request}/notes"

    def put(self, request, comment, body):
        if comment is None:
            self.call("POST", self.comments(request), {"body": body})
        else:
            self.call("PUT", f"{self.comments(request)}/{comment['id']}", {"body": body})

    def fetch(self, job, path):
        return send("GET", f"{self.base}/jobs/{job}/artifacts/{path}", self.headers)


def comment(forge, arguments):
    with open(arguments.report, encoding="utf-8") as file:
        body = file.read().rstrip("\n")
    marker = body.splitlines()[0]
    if not re.fullmatch(r"<!-- trueup:.* -->", marker):
        sys.exit(f"{arguments.report} is no report that `trueup … --format markdown` wrote")
    if arguments.plan:
        with open(arguments.plan, encoding="utf-8") as file:
            digest = json.load(file)["digest"]
        body += f"\n\n<!-- trueup-plan digest={digest} run={forge.run} -->"
    request = forge.request()
    forge.put(request, forge.find(request, marker), body)


def reviewed(forge, arguments):
    marker = f"<!-- trueup:{arguments.stack}:{arguments.environment}:plan -->"
    for request in forge.merged():
        found = forge.find(request, marker)
        # The last line, because everything before it was made from the request's own files.
        plan = found and PLAN.fullmatch(found["body"].splitlines()[-1])
        if plan:
            digest, run = plan.groups()
            if arguments.fetch:
                plan = forge.fetch(run, arguments.fetch)
                with open(arguments.fetch, "wb") as file:
                    file.write(plan)
            print(f"digest={digest}\nrun={run}")
            return
    sys.exit("no merged request of this commit has a comment with a plan of this stack and environment")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    put = commands.add_parser("comment")
    put.add_argument("report")
    put.add_argument("--plan")
    put.set_defaults(run=comment)
    found = commands.add_parser("reviewed")
    found.add_argument("stack")
    found.add_argument("environment")
    found.add_argument("--fetch", help="the plan, out of the artifacts of the job that made it (GitLab)")
    found.set_defaults(run=reviewed)
    arguments = parser.parse_args()
    try:
        arguments.run(GitLab() if os.environ.get("GITLAB_CI") else GitHub(), arguments)
    except urllib.error.HTTPError as error:
        # Without the request's headers, which hold the token.
        sys.exit(f"{error.url}: {error.code} {error.reason}")


main()
