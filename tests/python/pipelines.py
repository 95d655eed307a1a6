"""Reads the files of pipelines with readers that we did not write.

    pipelines.py check      stdin: [{"as": READER, "path": PATH}]; prints for each what is wrong with it, "" for nothing
    pipelines.py forge      a forge on a free port of loopback until stdin ends: pull requests of GitHub, merge requests
                            of GitLab. `POST /_comments` adds somebody's comment, `GET /_comments` shows all of them

The readers: `github-workflows`, `github-actions`, `gitlab-ci` (schemas as they are published), `kubernetes`,
`pre-commit-config`, `pre-commit-manifest`, `shell`, `bash` (shellcheck).
"""

import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse


def run(*command):
    # pre-commit keeps a log in its home; not in that of the person who runs the tests.
    with tempfile.TemporaryDirectory() as home:
        environment = {"PATH": os.environ["PATH"], "HOME": home, "PRE_COMMIT_HOME": home, "PYTHONDONTWRITEBYTECODE": "1"}
        ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    return "" if ended.returncode == 0 else f"{ended.stdout}{ended.stderr}" or f"ended with {ended.returncode}"


def kubernetes(path):
    import kubernetes_validate
    from ruamel.yaml import YAML

    wrong = []
    with open(path, encoding="utf-8") as file:
        for document in YAML(typ="safe").load_all(file):
            try:
                kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)
            except kubernetes_validate.ValidationError as error:
                wrong.append(f"{error.path}: {error.message}")
    return "\n".join(wrong)


def read(reader, path):
    if reader == "kubernetes":
        return kubernetes(path)
    if reader.startswith("pre-commit-"):
        return run(sys.executable, "-m", "pre_commit", f"validate-{reader.removeprefix('pre-commit-')}", path)
    if reader in ("shell", "bash"):
        program = os.path.join(os.path.dirname(sys.executable), "shellcheck")
        shell = "sh" if reader == "shell" else "bash"
        return run(program, f"--shell={shell}", "--severity=style", path)
    return run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{reader}", path)


def check():
    files = json.load(sys.stdin)
    print(json.dumps([read(file["as"], file["path"]) for file in files]))


class Forge(http.server.BaseHTTPRequestHandler):
    comments = []
    us = {"github": {"login": "github-actions[bot]"}, "gitlab": {"id": 7}}

    def log_message(self, *_):
        pass

    def answer(self, body, status=200):
        data = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "null")

    def allowed(self):
        return "forge-token" in (self.headers.get("Authorization") or self.headers.get("PRIVATE-TOKEN") or "")

    def listed(self, author, request, query):
        found = [comment for comment in self.comments if author in comment and comment["request"] == request]
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return found[size * (page - 1) : size * page]

    def add(self, forge, request, author, text):
        comment = {"id": len(self.comments) + 1, "request": request, "body": text}
        comment["user" if forge == "github" else "author"] = author
        self.comments.append(comment)
        self.answer(comment, 201)

    def handle_any(self):
        path, _, query = self.path.partition("?")
        query = urllib.parse.parse_qs(query)
        if path == "/_comments":
            if self.command == "GET":
                return self.answer(self.comments)
            given = self.body()
            return self.add(given["forge"], given["request"], given["author"], given["body"])
        if not self.allowed():
            return self.answer({"message": "Bad credentials"}, 401)
        routes = {
            r"GET /github/repos/OWNER/connections/commits/\w+/pulls": self.pulls,
            r"(GET|POST) /github/repos/OWNER/connections/issues/(\d+)/comments": self.github_comments,
            r"PATCH /github/repos/OWNER/connections/issues/comments/(\d+)": self.edit,
            r"GET /gitlab/user": lambda _, __: self.answer(self.us["gitlab"]),
            r"GET /gitlab/projects/5/repository/commits/\w+/merge_requests": self.merge_requests,
            r"(GET|POST) /gitlab/projects/5/merge_requests/(\d+)/notes": self.gitlab_notes,
            r"PUT /gitlab/projects/5/merge_requests/\d+/notes/(\d+)": self.edit,
            r"GET /gitlab/projects/5/jobs/42/artifacts/(.+)": self.artifact,
        }
        for route, handler in routes.items():
            found = re.fullmatch(route, f"{self.command} {path}")
            if found:
                return handler(found, query)
        return self.answer({"message": "Not Found"}, 404)

    do_GET = do_POST = do_PATCH = do_PUT = handle_any

    def pulls(self, _, __):
        self.answer([{"number": 11, "merged_at": None}, {"number": 12, "merged_at": "2026-11-21T10:00:00Z"}])

    def merge_requests(self, _, __):
        self.answer([{"iid": 11, "state": "closed"}, {"iid": 12, "state": "merged"}])

    def github_comments(self, found, query):
        method, request = found.groups()
        if method == "GET":
            return self.answer(self.listed("user", int(request), query))
        return self.add("github", int(request), self.us["github"], self.body()["body"])

    def gitlab_notes(self, found, query):
        method, request = found.groups()
        if method == "GET":
            return self.answer(self.listed("author", int(request), query))
        return self.add("gitlab", int(request), self.us["gitlab"], self.body()["body"])

    def edit(self, found, _):
        comment = self.comments[int(found.group(1)) - 1]
        comment["body"] = self.body()["body"]
        self.answer(comment)

    def artifact(self, found, _):
        with open(os.path.join(sys.argv[2], found.group(1)), "rb") as file:
            self.answer(file.read())


def forge():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Forge)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    while sys.stdin.buffer.read(4096):
        pass
    server.shutdown()


{"check": check, "forge": forge}[sys.argv[1]]()
