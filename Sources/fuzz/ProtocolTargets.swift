import GuestScopeRemoteProtocol

/// The writes of a session, of which an input answers one.
let exchanges: [[Request]] = [
  [.greeting],
  [.markStopped, .monitor(.status), .monitor(.cpus), .monitor(.version)],
  [
    .supported, .physicalMemoryMode,
    .readFeature(annex: TargetDescription.root, offset: 0, count: 0x7f8),
  ],
  [.selectThread(ThreadID(1)), .readRegisters, .monitor(.memoryTree), .monitor(.memoryBackends)],
  [
    .setPhysicalMemoryMode(true), .readMemory(address: 0x1000, count: 16),
    .readMemory(address: 0x2000, count: 8), .setPhysicalMemoryMode(false), .resume,
  ],
]

/// Bytes of a stub, after one that chooses the requests: whole and byte by byte they are the same.
func packets(_ bytes: [UInt8]) {
  guard let first = bytes.first else { return }
  let requests = exchanges[Int(first) % exchanges.count]
  var whole = Exchange(requests, packetLimit: 1 << 12)
  var pieces = whole
  try? whole.feed(bytes.dropFirst())
  for byte in bytes.dropFirst() { if (try? pieces.feed([byte])) == nil { break } }
  precondition(whole.replies == pieces.replies && whole.stopReplies == pieces.stopReplies)
  precondition(whole.isComplete == pieces.isComplete && whole.before == pieces.before)
  precondition(whole.replies.count <= requests.count)
  _ = whole.shortfall.map { "\($0)" }
}

/// Documents, with a 0 between two.
func targetDescription(_ bytes: [UInt8]) {
  let names = [TargetDescription.root, "core.xml", "fpu.xml", "system-registers.xml"]
  let texts = bytes.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
  let documents = Dictionary(zip(names, texts)) { first, _ in first }
  let description = TargetDescription(documents: documents)
  precondition(description.missing.count <= bytes.count)
  for (name, offset) in description.gOffsets(replySize: 608) {
    precondition(offset >= 0 && offset < 608, "\(name)")
  }
}

/// What any command of the monitor may print, given to all that read such text.
func monitorText(_ bytes: [UInt8]) {
  let text = String(decoding: bytes, as: UTF8.self)
  _ = RunStatus(monitorText: text)
  _ = QEMUVersion(monitorText: text).map { "\($0)" }
  for thread in HostThread.list(monitorText: text) {
    precondition(thread.cpu >= 0 && thread.cpu < HostThread.cpuLimit)
  }
  let backends = MemoryBackends(monitorText: text)
  for range in SystemMemory(monitorText: text)?.ram(of: backends) ?? [] {
    precondition(!range.isEmpty)
  }
}
