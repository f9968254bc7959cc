"""Look into a model file of any format and write it in another.

usage: python convert_a_model.py [MODEL OUT.nam]        without arguments it makes what it needs
"""

import subprocess
import sys
from pathlib import Path

from triode.engine import read
from triode.errors import TriodeError
from triode.export import export

if len(sys.argv) > 2:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
else:
    source, target = Path("treble-cut.triode"), Path("treble-cut.nam")
    subprocess.run([sys.executable, Path(__file__).with_name("write_a_model.py"), source], check=True)

try:
    description = read(source)
    print(f"{source}: a {description.format} file at {description.sample_rate:.0f} Hz, {description.architecture}")
    for name, tensor in description.tensors.items():
        print(f"  {name} {tensor.shape}")
    export(source, target)
except TriodeError as error:
    # Every error of the library is one line for people, and says which exit status a program should end with.
    print(error, file=sys.stderr)
    sys.exit(error.exit_status)
print(f"wrote {target}")
