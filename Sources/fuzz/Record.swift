import Glibc
import GuestScopeGDBStub
import GuestScopeGuestMemory

/// Records a guest, which stands still meanwhile.
///
/// - Parameters:
///   - address: where QEMU's gdbserver listens, as `--connect` takes it.
///   - folder: where the recording is to be; its `kernel` is there already.
func record(_ address: String, in folder: String) throws {
  guard let target = StubTarget(address) else { throw FileFailure(path: address) }
  let stub = try QEMUStub(target)
  try stub.hold()
  defer { try? stub.release() }
  var lines = ["architecture \(stub.architecture)"]
  for cpu in try stub.readableCPUs() {
    lines.append("cpu \(String(cpu, radix: 16))")
    let keys = stub.wordRegisterNames.map { RegisterKey(cpu: cpu, name: $0) }
    let sample = try stub.sample(ranges: [], registers: keys)
    for key in keys {
      guard case .success(let value)? = sample.registers[key] else { continue }
      lines.append("register \(cpu) \(key.name) \(String(value, radix: 16))")
    }
  }
  for region in stub.ram.regions {
    lines.append(
      "ram \(String(region.lowerBound, radix: 16)) \(String(region.upperBound, radix: 16))")
  }
  try writeMemory(of: stub, folder + "/ram")
  try write(Array((lines.joined(separator: "\n") + "\n").utf8), folder + "/machine")
}

private func writeMemory(of stub: QEMUStub, _ path: String) throws {
  let pageSize = 4096
  let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
  guard file >= 0, ftruncate(file, Int(stub.ram.end)) == 0 else { throw FileFailure(path: path) }
  defer { close(file) }
  let limits = stub.limits
  let most = min(limits.bytes, limits.reads * limits.readBytes) / 2 / pageSize * pageSize
  for region in stub.ram.regions {
    for start in stride(from: region.lowerBound, to: region.upperBound, by: most) {
      let count = min(most, Int(region.upperBound - start))
      let range = PhysicalRange(PhysicalAddress(start), count: count)
      let bytes = try stub.sample(ranges: [range], registers: []).memory[0].get()
      for offset in stride(from: 0, to: count, by: pageSize) {
        let page = bytes[offset..<min(offset + pageSize, count)]
        // A hole reads as zeros.
        guard page.contains(where: { $0 != 0 }) else { continue }
        let written = page.withUnsafeBytes {
          pwrite(file, $0.baseAddress, $0.count, Int(start) + offset)
        }
        guard written == page.count else { throw FileFailure(path: path) }
      }
    }
  }
}
