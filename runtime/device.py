"""tmp"""
from dataclasses import dataclass
@dataclass(frozen=True)
class Device:
    kind: str = "cpu"
    index: int = 0
    @property
    def providers(self): return ["CPUExecutionProvider"]
    def __str__(self): return "cpu"
CPU = Device()
def resolve(name="auto"): return CPU
