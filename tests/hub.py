"""A Hugging Face Hub on the loopback interface, for tests that use the real client.

`LoopbackHub` answers the HTTP calls that `huggingface_hub` makes to create a repository, upload to it
(preupload, LFS batch, basic transfer, commit), look at it and download from it. It keeps every commit in
memory, wants a token where the Hub wants one, records each request, and fails when it is told to. It never
offers Xet storage: files travel over plain HTTP. Large files live on a second port, as the Hub keeps them on
another host, behind signed addresses; that port refuses a request which carries a token.

The `loopback_hub` fixture starts one and points the client at it for one test.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import socketserver
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import huggingface_hub
import pytest
from huggingface_hub import constants, file_download, hf_api
from huggingface_hub.utils import _http

LFS_SUFFIXES = (".bin", ".gguf", ".gz", ".h5", ".npz", ".onnx", ".parquet", ".pt", ".pth", ".safetensors")
GITATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES)
FRONT_MATTER = re.compile(r"\A\s*---\r?\n(.*?)\r?\n---\s*(\r?\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Blob:
    """One file's content, and how the repository stores it."""

    data: bytes
    lfs: bool

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def pointer(self) -> bytes:
        """What git itself holds for an LFS file."""
        version = "version https://git-lfs.github.com/spec/v1"
        return f"{version}\noid sha256:{self.sha256}\nsize {len(self.data)}\n".encode()

    @cached_property
    def git_oid(self) -> str:
        content = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git_oid


@dataclass(frozen=True)
class Commit:
    """A whole tree at one point of a repository's history."""

    oid: str
    parent: str | None
    title: str
    date: str
    files: dict[str, Blob]


@dataclass
class Repo:
    """A repository: its commits, and the branches and tags that name some of them."""

    id: str
    repo_type: str
    private: bool = False
    gated: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit:
        """The commit that a branch, a tag or a full commit sha names."""
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def commit(self, branch: str, files: dict[str, Blob], title: str) -> Commit:
        """Put a new commit with exactly these files at the tip of a branch."""
        parent = self.branches.get(branch)
        tree = [f"{path} {blob.git_oid}" for path, blob in sorted(files.items())]
        seed = "\0".join([self.id, str(len(self.commits)), parent or "", title, *tree])
        date = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        commit = Commit(hashlib.sha1(seed.encode()).hexdigest(), parent, title, date, dict(files))
        self.commits[commit.oid] = commit
        self.branches[branch] = commit.oid
        return commit


@dataclass
class Request:
    """One request as the server saw it. `status` stays None when the connection was dropped unanswered."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes
    storage: bool
    status: int | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def token(self) -> str | None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        return token if scheme.lower() == "bearer" else None

    def json(self) -> Any:
        return json.loads(self.body or b"{}")


@dataclass
class Reply:
    """What the server sends back."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class HubError(Exception):
    """A refusal, with the headers from which the client makes its exception."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        named = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.reply = as_json({"error": message}, status, named)


@dataclass
class Fault:
    """A failure to come: which requests it takes, how many of them, and what happens to each."""

    pattern: re.Pattern[str]
    times: int | None
    status: int | None
    code: str | None
    message: str
    drop: bool
    drop_after: int | None
    delay: float


def as_json(payload: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """A reply with a JSON body."""
    return Reply(status, json.dumps(payload).encode(), {"Content-Type": "application/json"} | (headers or {}))


class LoopbackHub:
    """The server. A context manager; `endpoint` is its address and `token` the one token it accepts.

    `lfs_threshold` is the size from which any file is stored with LFS; files with a suffix of LFS_SUFFIXES
    and files with a null byte in their first 512 bytes always are.
    """

    def __init__(self, user: str = "you", lfs_threshold: int = 10_000_000) -> None:
        self.user = user
        self.token = f"hf_{secrets.token_hex(8)}"
        self.requests: list[Request] = []
        self._lfs_threshold = lfs_threshold
        self._repos: dict[tuple[str, str], Repo] = {}
        self._objects: dict[str, bytes] = {}
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._servers = _Server(self, storage=False), _Server(self, storage=True)
        self.endpoint, self._storage = (f"http://127.0.0.1:{server.server_port}" for server in self._servers)

    def __enter__(self) -> LoopbackHub:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    # What a test does to the server

    def add_repo(
        self,
        repo_id: str,
        files: Mapping[str, bytes | str],
        private: bool = False,
        *,
        gated: bool = False,
        repo_type: str = "model",
    ) -> str:
        """Make a repository with these files on its main branch; the sha of the commit."""
        with self._lock:
            self._repos[repo_type, repo_id] = Repo(repo_id, repo_type, private, gated)
        return self.add_commit(repo_id, files, repo_type=repo_type)

    def add_commit(
        self,
        repo_id: str,
        files: Mapping[str, bytes | str],
        branch: str = "main",
        *,
        repo_type: str = "model",
    ) -> str:
        """Add or replace files in one commit, as if someone else had; a new branch starts at main."""
        with self._lock:
            repo = self._repos[repo_type, repo_id]
            tip = repo.branches.get(branch) or repo.branches.get("main")
            tree = dict(repo.commits[tip].files) if tip else {}
            for path, content in files.items():
                data = content.encode() if isinstance(content, str) else content
                tree[path] = Blob(data, self._is_lfs(path, len(data), data[:512]))
                self._objects[tree[path].sha256] = data
            return repo.commit(branch, tree, "Add files").oid

    def files(self, repo_id: str, revision: str = "main", *, repo_type: str = "model") -> dict[str, bytes]:
        """Every file of a revision. KeyError when there is no such repository."""
        with self._lock:
            tree = self._repos[repo_type, repo_id].at(revision).files
            return {path: blob.data for path, blob in tree.items()}

    def fail_next(
        self,
        path_pattern: str,
        *,
        status: int | None = None,
        code: str | None = None,
        message: str = "told to fail",
        drop: bool = False,
        drop_after: int | None = None,
        delay: float = 0.0,
        times: int | None = 1,
    ) -> None:
        """Make the next `times` requests that match fail; None is every one from now on, until `heal`.

        The pattern is a regular expression searched for in "METHOD /path", as sent and without the query; the
        content of an LFS file is at /storage/SHA256/PATH. A request that matches waits `delay` seconds; then
        it gets `status` (with `code` as the X-Error-Code), or no answer with `drop`, or its true answer cut
        off after `drop_after` bytes of the body, or else its true answer.
        """
        fault = Fault(re.compile(path_pattern), times, status, code, message, drop, drop_after, delay)
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        """Forget every failure still to come."""
        with self._lock:
            self._faults.clear()

    def seen(self, path_pattern: str) -> list[Request]:
        """The requests so far whose "METHOD /path" matches a regular expression."""
        with self._lock:
            return [request for request in self.requests if re.search(path_pattern, str(request))]

    def environ(self, home: Path) -> dict[str, str]:
        """Environment variables that point another process's client here, with its cache under `home`.

        They leave that client anonymous; add HF_TOKEN to give it a token.
        """
        return {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "HF_TOKEN": "",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }

    # Serving

    def serve(self, request: Request) -> tuple[Reply | None, int | None]:
        """Answer one request: the reply (None drops the connection), and where to cut its body off."""
        with self._lock:
            self.requests.append(request)
            fault = next((f for f in self._faults if f.times != 0 and f.pattern.search(str(request))), None)
            if fault and fault.times is not None:
                fault.times -= 1
        if fault and fault.delay:
            self._closing.wait(fault.delay)
        if fault and fault.drop:
            return None, None
        try:
            if fault and fault.status:
                raise HubError(fault.status, fault.message, fault.code)
            with self._lock:
                reply = self._stored(request) if request.storage else self._route(request)
        except HubError as error:
            reply = error.reply
        except Exception:
            reply = as_json({"error": traceback.format_exc()}, 500)
        request.status = reply.status
        return reply, fault.drop_after if fault else None

    def _route(self, request: Request) -> Reply:
        for method, pattern, answer in ROUTES:
            match = pattern.fullmatch(request.path)
            if match and request.method.replace("HEAD", "GET") == method:
                groups = {name: unquote(value) for name, value in match.groupdict(default="").items()}
                return answer(self, request, **groups)
        raise HubError(404, "Sorry, we can't find the page you are looking for.")

    def _authorize(self, request: Request, code: str | None = None) -> None:
        if request.token is None:
            raise HubError(401, "Invalid username or password.", code)
        if request.token != self.token:
            raise HubError(403, "This token has no access here", code if code == "GatedRepo" else None)

    def _repo(self, request: Request, kind: str, repo_id: str, write: bool = False) -> Repo:
        """The repository of a request that may read it, or write to it."""
        repo = self._repos.get((kind.removesuffix("s") or "model", repo_id))
        if repo is None:
            raise HubError(404, "Repository not found", "RepoNotFound")
        if write or repo.private:
            self._authorize(request, "RepoNotFound")
        return repo

    def _is_lfs(self, path: str, size: int, sample: bytes) -> bool:
        return size > 0 and (path.endswith(LFS_SUFFIXES) or size >= self._lfs_threshold or b"\0" in sample)

    def _url(self, repo: Repo) -> str:
        return f"{self.endpoint}/{'' if repo.repo_type == 'model' else repo.repo_type + 's/'}{repo.id}"

    def _signed(self, method: str, oid: str, path: str = "") -> str:
        address = f"/storage/{oid}/{quote(path)}" if path else f"/storage/{oid}"
        return f"{self._storage}{address}?signature={self._signature(method, oid)}"

    def _signature(self, method: str, oid: str) -> str:
        return hashlib.sha256(f"{self.token} {method} {oid}".encode()).hexdigest()[:16]

    def _stored(self, request: Request) -> Reply:
        """The storage port: addresses of LFS objects, signed for reading or for writing."""
        oid = request.path.split("/")[2]
        signature = self._signature(request.method.replace("HEAD", "GET"), oid)
        if "Authorization" in request.headers:
            raise HubError(400, "Only one auth mechanism allowed")
        if request.query.get("signature") != [signature]:
            raise HubError(403, "Access denied")
        if request.method == "PUT":
            if hashlib.sha256(request.body).hexdigest() != oid:
                raise HubError(400, "The content does not have the announced sha256")
            self._objects[oid] = request.body
            return Reply(200)
        return ranged(request, self._objects[oid], {"ETag": f'"{oid}"'})

    # The Hub's own calls; groups of the route's pattern come as keyword arguments

    def _whoami(self, request: Request) -> Reply:
        if request.token != self.token:
            raise HubError(401, "Invalid credentials in Authorization header")
        access = {"type": "access_token", "accessToken": {"displayName": "tests", "role": "write"}}
        return as_json({"type": "user", "name": self.user, "fullname": self.user, "orgs": [], "auth": access})

    def _validate_yaml(self, request: Request) -> Reply:
        content = request.json()["content"]
        if not FRONT_MATTER.match(content):
            warning = {"message": "empty or missing yaml metadata in repo card"}
            return as_json({"errors": [], "warnings": [warning]})
        try:
            huggingface_hub.RepoCard(content)
        except Exception as error:  # whatever the parser says is wrong with it
            return as_json({"errors": [{"message": str(error)}], "warnings": []}, 400)
        return as_json({"errors": [], "warnings": []})

    def _create(self, request: Request) -> Reply:
        self._authorize(request)
        wanted = request.json()
        repo_type = wanted.get("type") or "model"
        repo = Repo(f"{wanted.get('organization') or self.user}/{wanted['name']}", repo_type)
        if (repo_type, repo.id) in self._repos:
            error = f"You already created this {repo_type} repo"
            return as_json({"error": error, "url": self._url(repo)}, 409)
        repo.private = wanted.get("visibility") == "private" or bool(wanted.get("private"))
        repo.commit("main", {".gitattributes": Blob(GITATTRIBUTES.encode(), lfs=False)}, "initial commit")
        self._repos[repo_type, repo.id] = repo
        return as_json({"url": self._url(repo), "name": repo.id, "id": repo.id})

    def _info(self, request: Request, kind: str, repo: str, revision: str) -> Reply:
        found = self._repo(request, kind, repo)
        commit = found.at(revision or "main")
        siblings: list[dict[str, object]] = []
        for path, blob in sorted(commit.files.items()):
            siblings.append({"rfilename": path})
            if "blobs" in request.query:
                siblings[-1] |= {"size": len(blob.data), "blobId": blob.git_oid}
                lfs = {"sha256": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
                siblings[-1] |= {"lfs": lfs} if blob.lfs else {}
        info = {"_id": found.id, "id": found.id, "author": found.id.partition("/")[0], "sha": commit.oid}
        dates = {"lastModified": commit.date, "createdAt": next(iter(found.commits.values())).date}
        access = {"private": found.private, "gated": "auto" if found.gated else False, "disabled": False}
        return as_json(info | dates | access | {"tags": [], "downloads": 0, "likes": 0, "siblings": siblings})

    def _tree(self, request: Request, kind: str, repo: str, revision: str, folder: str) -> Reply:
        commit = self._repo(request, kind, repo).at(revision)
        recursive = request.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        entries = tree_entries(commit, folder)
        if folder and not entries:
            raise HubError(404, f'"{folder}" does not exist on "{revision}"', "EntryNotFound")
        depth = folder.count("/") + 1 if folder else 0
        return as_json([entry for entry in entries if recursive or entry["path"].count("/") == depth])

    def _paths_info(self, request: Request, kind: str, repo: str, revision: str) -> Reply:
        commit = self._repo(request, kind, repo).at(revision)
        wanted = parse_qs(request.body.decode()).get("paths", [])
        return as_json([entry for entry in tree_entries(commit) if entry["path"] in wanted])

    def _refs(self, request: Request, kind: str, repo: str) -> Reply:
        found = self._repo(request, kind, repo)

        def listed(refs: dict[str, str], folder: str) -> list[dict[str, str]]:
            return [{"name": n, "ref": f"refs/{folder}/{n}", "targetCommit": oid} for n, oid in refs.items()]

        branches, tags = listed(found.branches, "heads"), listed(found.tags, "tags")
        return as_json({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})

    def _commits(self, request: Request, kind: str, repo: str, revision: str) -> Reply:
        found = self._repo(request, kind, repo)
        history: list[Commit] = []
        oid: str | None = found.at(revision or "main").oid
        while oid is not None:
            history.append(found.commits[oid])
            oid = history[-1].parent
        rest = {"message": "", "authors": [{"user": self.user}]}
        return as_json([{"id": c.oid, "title": c.title, "date": c.date, **rest} for c in history])

    def _add_branch(self, request: Request, kind: str, repo: str, name: str) -> Reply:
        found = self._repo(request, kind, repo, write=True)
        start = found.at(request.json().get("startingPoint") or "main")
        if name in found.branches:
            raise HubError(409, f"Reference already exists: refs/heads/{name}")
        found.branches[name] = start.oid
        return Reply(200)

    def _add_tag(self, request: Request, kind: str, repo: str, name: str) -> Reply:
        found = self._repo(request, kind, repo, write=True)
        tag, commit = request.json()["tag"], found.at(name)
        if tag in found.tags:
            raise HubError(409, f"Tag already exists: {tag}")
        found.tags[tag] = commit.oid
        return Reply(200)

    def _preupload(self, request: Request, kind: str, repo: str, revision: str) -> Reply:
        held = self._repo(request, kind, repo, write=True).at(revision).files
        answers: list[dict[str, object]] = []
        for file in request.json()["files"]:
            path = file["path"]
            lfs = self._is_lfs(path, file["size"], base64.b64decode(file["sample"]))
            answers.append({"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False})
            if path in held:
                answers[-1]["oid"] = held[path].etag
        return as_json({"files": answers})

    def _lfs_batch(self, request: Request, kind: str, repo: str) -> Reply:
        url = self._url(self._repo(request, kind, repo, write=True))
        objects: list[dict[str, object]] = []
        for wanted in request.json()["objects"]:
            objects.append({"oid": wanted["oid"], "size": wanted["size"], "authenticated": True})
            if wanted["oid"] not in self._objects:
                upload, verify = self._signed("PUT", wanted["oid"]), f"{url}.git/info/lfs/verify"
                objects[-1]["actions"] = {"upload": {"href": upload}, "verify": {"href": verify}}
        return as_json({"transfer": "basic", "objects": objects})

    def _lfs_verify(self, request: Request, kind: str, repo: str) -> Reply:
        self._repo(request, kind, repo, write=True)
        wanted = request.json()
        if len(self._objects.get(wanted["oid"], b"")) != wanted["size"]:
            raise HubError(404, "The object was not uploaded")
        return Reply(200)

    def _commit(self, request: Request, kind: str, repo: str, revision: str) -> Reply:
        found = self._repo(request, kind, repo, write=True)
        if revision not in found.branches:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        if "create_pr" in request.query:
            raise HubError(501, "This server has no pull requests")
        tip = found.at(revision)
        files = dict(tip.files)
        header: dict[str, str] = {}
        for line in request.body.splitlines():
            operation = json.loads(line)
            key, value = operation["key"], operation["value"]
            path = value.get("path", "")
            if key == "header":
                header = value
            elif key == "file":
                files[path] = Blob(base64.b64decode(value["content"]), lfs=False)
            elif key == "lfsFile":
                if value["oid"] not in self._objects:
                    raise HubError(400, f"The LFS object of {path} was not uploaded")
                files[path] = Blob(self._objects[value["oid"]], lfs=True)
            elif key == "deletedFile":
                if files.pop(path, None) is None:
                    raise HubError(404, "A file with this name doesn't exist", "EntryNotFound")
            elif key == "deletedFolder":
                files = {p: blob for p, blob in files.items() if not p.startswith(path.rstrip("/") + "/")}
            else:
                raise HubError(400, f"Unknown operation: {key}")
        parent = header.get("parentCommit")
        if parent and not tip.oid.startswith(parent):
            raise HubError(412, "A commit has happened since. Please refresh and try again.")
        commit = found.commit(revision, files, header["summary"])
        url = f"{self._url(found)}/commit/{commit.oid}"
        return as_json({"success": True, "commitOid": commit.oid, "commitUrl": url, "pullRequestUrl": None})

    def _resolve(self, request: Request, kind: str, repo: str, revision: str, path: str) -> Reply:
        found = self._repo(request, kind, repo)
        if found.gated:
            self._authorize(request, "GatedRepo")
        commit = found.at(revision)
        if path not in commit.files:
            raise HubError(404, "Entry not found", "EntryNotFound", X_Repo_Commit=commit.oid)
        blob = commit.files[path]
        headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{blob.etag}"'}
        if not blob.lfs:
            return ranged(request, blob.data, headers)
        linked = {"X-Linked-Size": str(len(blob.data)), "X-Linked-ETag": headers["ETag"]}
        return Reply(302, b"", headers | linked | {"Location": self._signed("GET", blob.sha256, path)})


def tree_entries(commit: Commit, folder: str = "") -> list[dict[str, Any]]:
    """What the Hub lists under a folder, at any depth: every file and every folder."""
    entries: dict[str, dict[str, Any]] = {}
    prefix = f"{folder}/" if folder else ""
    for path, blob in sorted(commit.files.items()):
        if not path.startswith(prefix):
            continue
        for parent in (str(parent) for parent in Path(path).parents):
            if parent != "." and parent.startswith(prefix):
                oid = hashlib.sha1(f"{commit.oid} {parent}".encode()).hexdigest()
                entries[parent] = {"type": "directory", "oid": oid, "size": 0, "path": parent}
        entries[path] = {"type": "file", "oid": blob.git_oid, "size": len(blob.data), "path": path}
        if blob.lfs:
            lfs = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
            entries[path]["lfs"] = lfs
    return list(entries.values())


def ranged(request: Request, data: bytes, headers: dict[str, str]) -> Reply:
    """The content, or the part of it that a Range header asks for."""
    headers = headers | {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
    if not asked or not any(asked.groups()):
        return Reply(200, data, headers)
    first, last = asked.groups()
    start = int(first) if first else max(len(data) - int(last), 0)
    stop = min(int(last) + 1, len(data)) if first and last else len(data)
    if start >= stop:
        return Reply(416, b"", headers | {"Content-Range": f"bytes */{len(data)}"})
    return Reply(206, data[start:stop], headers | {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"})


def _routes() -> Iterable[tuple[str, re.Pattern[str], Callable[..., Reply]]]:
    repo = r"(?P<repo>[^/]+/[^/]+|[^/]+)"
    api = rf"/api/(?P<kind>models|datasets|spaces)/{repo}"
    page = rf"/(?:(?P<kind>datasets|spaces)/)?{repo}"
    revision, name = r"/(?P<revision>[^/]+)", r"/(?P<name>[^/]+)"
    hub = LoopbackHub
    for method, pattern, answer in (
        ("GET", "/api/whoami-v2", hub._whoami),
        ("POST", "/api/validate-yaml", hub._validate_yaml),
        ("POST", "/api/repos/create", hub._create),
        ("GET", rf"{api}/refs", hub._refs),
        ("GET", rf"{api}(?:/revision{revision})?", hub._info),
        ("GET", rf"{api}/tree{revision}(?:/(?P<folder>.+))?", hub._tree),
        ("POST", rf"{api}/paths-info{revision}", hub._paths_info),
        ("GET", rf"{api}/commits{revision}", hub._commits),
        ("POST", rf"{api}/branch{name}", hub._add_branch),
        ("POST", rf"{api}/tag{name}", hub._add_tag),
        ("POST", rf"{api}/preupload{revision}", hub._preupload),
        ("POST", rf"{api}/commit{revision}", hub._commit),
        ("POST", rf"{page}\.git/info/lfs/objects/batch", hub._lfs_batch),
        ("POST", rf"{page}\.git/info/lfs/verify", hub._lfs_verify),
        ("GET", rf"{page}/resolve{revision}/(?P<path>.+)", hub._resolve),
    ):
        yield method, re.compile(pattern), answer


ROUTES = tuple(_routes())


class _Server(ThreadingHTTPServer):
    """A threaded server on a free loopback port."""

    request_queue_size = 64

    def __init__(self, hub: LoopbackHub, storage: bool) -> None:
        self.hub = hub
        self.storage = storage
        super().__init__(("127.0.0.1", 0), _Handler)

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # the parent's also looks the host's name up
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that has gone is no news
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads a request, has the hub answer it, and closes the connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        request = Request(self.command, url.path, query, self.headers, self._read_body(), self.server.storage)
        reply, cut = self.server.hub.serve(request)
        if reply is None:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[:cut])

    do_HEAD = do_POST = do_PUT = do_GET

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: `LoopbackHub.requests` has it all."""


class _Impatient:
    """The time module, but nobody sleeps: the client's retries follow one another at once."""

    def sleep(self, seconds: float) -> None:
        """Return at once."""

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def point_client_at(hub: LoopbackHub, home: Path, monkeypatch: pytest.MonkeyPatch, timeout: int = 5) -> None:
    """Have this process's client talk to a hub, without a token, and keep its files under `home`.

    The client reads the environment when it is imported, so its constants are replaced instead, and the
    endpoint that its shared `HfApi` copied from them (functions such as `huggingface_hub.model_info` are its
    methods). The environment keeps its endpoint: a module imported during a test would copy that and hold on
    to a server that has gone. So `datasets`, which reads it too, follows only if it was imported before.
    """
    set_constant = {
        "ENDPOINT": hub.endpoint,
        "HUGGINGFACE_CO_URL_TEMPLATE": hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HUGGINGFACE_HUB_CACHE": str(home / "hub"),
        "HF_ASSETS_CACHE": str(home / "assets"),
        "HF_XET_CACHE": str(home / "xet"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": False,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_ETAG_TIMEOUT": timeout,
        "HF_HUB_DOWNLOAD_TIMEOUT": timeout,
    }
    for name, value in set_constant.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setattr(hf_api.api, "endpoint", hub.endpoint)
    monkeypatch.setattr(hf_api.api, "_whoami_cache", {})
    huggingface_hub.HfFileSystem.clear_instance_cache()
    if "datasets.config" in sys.modules:
        urls = hub.endpoint + "/datasets/{repo_id}/resolve/{revision}/{path}"
        monkeypatch.setattr("datasets.config.HF_ENDPOINT", hub.endpoint)
        monkeypatch.setattr("datasets.config.HUB_DATASETS_URL", urls)
        monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", home / "datasets")
    for module in (_http, file_download):
        monkeypatch.setattr(module, "time", _Impatient())
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, ",".join(filter(None, ["127.0.0.1", os.environ.get(name)])))
    _http.close_session()


@pytest.fixture
def loopback_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    """A hub of this test's own, and a client that talks to it: anonymous until the test gives it a token."""
    # The client streams LFS files as `data=`, which its HTTP library has deprecated; Xet uploads do not.
    warnings.filterwarnings("ignore", "Use 'content=<...>' to upload", DeprecationWarning)
    with LoopbackHub() as hub:
        point_client_at(hub, tmp_path / "hf-home", monkeypatch)
        yield hub
    _http.close_session()
