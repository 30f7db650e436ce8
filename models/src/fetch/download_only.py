"""Downloads one source archive as pip would, and runs nothing of it.

`pip download` runs the build of a source archive to learn what it depends on. pip's own finder and session, which know about mirrors, proxies and
credentials, are enough to bring it. Arguments: requirement, name of the archive, folder.
"""

import os
import sys

MOST_BYTES = 1 << 26

requirement, archive, folder = sys.argv[1:]
name = requirement.split("==")[0]


def find(command):
    options, _ = command.parse_args(["versions", name, "--no-input"])
    session = command.get_default_session(options)
    candidates = command._build_package_finder(options, session).find_all_candidates(name)
    links = [candidate.link for candidate in candidates if candidate.link.filename == archive]
    return session, [link.url_without_fragment for link in links]


def bring(session, url):
    response = session.get(url, stream=True, headers={"Accept-Encoding": "identity"})
    response.raise_for_status()
    written = 0
    with open(os.path.join(folder, archive), "wb") as file:
        for chunk in response.iter_content(1 << 16):
            written += len(chunk)
            if written > MOST_BYTES:
                sys.exit(f"{archive} has more than {MOST_BYTES} bytes")
            file.write(chunk)


try:
    from pip._internal.commands import create_command

    command = create_command("index")
    with command.main_context():
        session, urls = find(command)
        # A mirror may come before the index; what is pinned is the contents, and whose they are does not matter.
        if urls:
            bring(session, urls[0])
except (ImportError, AttributeError, TypeError, KeyError, AssertionError) as error:
    sys.exit(f"viewless: this pip has other insides: {error!r}")
if not urls:
    sys.exit(f"no index of pip has {archive}")
