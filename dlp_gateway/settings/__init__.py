"""gateway.yaml → `Settings`: how the machine runs. Each field's description is its documentation.

Relative paths are relative to the folder of the file; passwords and keys stand in files of their own, never here.
"""

from dlp_gateway.settings.admission import admission_warnings
from dlp_gateway.settings.listeners import Listener
from dlp_gateway.settings.model import Settings
from dlp_gateway.settings.reading import find, load, load_all
from dlp_gateway.settings.values import is_host_name

__all__ = ["Listener", "Settings", "admission_warnings", "find", "is_host_name", "load", "load_all"]
