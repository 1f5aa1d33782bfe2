"""Started by cluster.sh: clusters by the names in argv, until SIGINT or SIGTERM."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile

from cluster import BINARIES, Cluster
from process import Failed, Process


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ti-kube-"))
    try:
        binaries = {name: os.environ[name] for name in BINARIES}
        clusters = [Cluster(name, directory / name, binaries).start() for name in sys.argv[1:]]
        for cluster in clusters:
            cluster.wait_ready()
            print(f"export KUBECONFIG={cluster.kubeconfig}    # {cluster.name}, {cluster.url}", flush=True)
        print("Ctrl-C ends it.", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    except Failed as error:
        sys.exit(str(error))
    finally:
        Process.stop_all()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
