import GuestScopeBytes

extension FakeQEMU {
  /// What the stub is, and what its guest looks like.
  public struct Machine: Sendable {
    /// As `info version` prints it.
    public var version = "7.2.22"
    /// Guest RAM from physical address 0, whole pages.
    public var ram = [UInt8](repeating: 0, count: 1 << 16)
    /// Pages of RAM that answer E14.
    public var badPages: Set<Int> = []
    public var cpus = 2
    /// Of them, those of the first cluster, which alone a debugger sees; nil for all.
    public var clusterSize: Int?
    /// The thread of QEMU that runs vCPU 0.
    public var firstThread = 100
    /// Where QEMU has the RAM in its own memory; nil for one that cannot be asked.
    public var hostAddress: UInt64? = 0x7f12_3460_0000
    /// All that `g` gives, in order.
    public var registers: KeyValuePairs<String, UInt64> = [
      "rip": 1, "gs_base": 2, "k_gs_base": 3, "cr0": 4, "cr3": 5, "cr4": 6, "efer": 7,
    ]
    /// The same of vCPUs whose registers are others, by their numbers from 0.
    public var otherRegisters: [Int: KeyValuePairs<String, UInt64>] = [:]
    /// What only `p` gives, by numbers from 100.
    public var systemRegisters: KeyValuePairs<String, UInt64> = [:]
    /// Nil for a stub that is not QEMU's, and has no monitor either.
    public var physicalMemoryMode: Bool? = false
    public var hasDescription = true
    /// Said instead of anything that a gdbserver says.
    public var greeting: String?
    /// Of the first byte of each packet one bit is another on the way, which leaves no packet.
    public var garblesPackets = false
    /// Said to the next client before all else, though no gdbserver says it.
    public var noise: String?
    /// The packet, of all that begin so, whose answer is empty the next time that it comes.
    public var unanswered: String?
    /// Packets after which the server closes the connection.
    public var closesAfter: Int?
    /// Bytes after which the link breaks, once.
    public var cutsAfter: Int?
    /// The next connection ends before it reaches the stub, as through a forwarder.
    public var dropsNext = false
    /// Bytes after which the link of the next connection breaks.
    public var cutsNextAfter: Int?
    /// Does what it is told, and says nothing.
    public var isMute = false
    /// Says a packet that never ends, a byte at a time.
    public var isRambling = false
    /// Documents that the target description includes beyond those that it needs.
    public var moreDocuments = 0
    /// How long it takes to stop the guest.
    public var stopCost: Duration = .zero
    /// How long it takes after the next stop until a packet is read: disks are flushed then.
    public var flushTime: Duration = .zero
    /// How long it takes to answer each read of memory.
    public var readTime: Duration = .zero

    public init() {}

    private var numbers: [Int] { version.split(separator: ".").prefix(2).compactMap { Int($0) } }

    /// Up to 8.0 every stop is reported; since 8.1 only after a packet that let a guest go on
    /// (`allow_stop_reply`).
    var alwaysTellsStops: Bool { (numbers[0], numbers[1]) <= (8, 0) }

    /// Up to 8.0 `p` answers only where the client has asked for a description.
    var readsRegistersOnlyWithDescription: Bool { alwaysTellsStops }
  }

  /// One client, from accept to the end.
  public struct Client: Sendable {
    /// Every packet's payload, in order.
    public var packets: [String] = []
    /// How often it let the guest go on.
    public var resumes = 0
    /// Bytes that came while the guest ran, each of which stops it.
    public var strayBytes = 0
    public var hasEnded = false
  }

  /// The packets that answer one, without their acknowledgement; nil for none.
  static func answers(_ packet: String, _ state: inout State) -> [String]? {
    let (name, rest) = packet.split(at: packet.hasPrefix("q") || packet.hasPrefix("Q") ? ":," : "")
    switch name {
    case "": return [""]
    case "vCont;C;":
      state.tellsNextStop = true
      return ["E22"]
    case "qSupported": return ["PacketSize=1000;qXfer:features:read+;vContSupported+;multiprocess+"]
    case "qqemu.PhyMemMode": return [state.machine.physicalMemoryMode.map { $0 ? "1" : "0" } ?? ""]
    case "Qqemu.PhyMemMode":
      guard state.machine.physicalMemoryMode != nil else { return [""] }
      state.machine.physicalMemoryMode = rest == "1"
      return ["OK"]
    case "qRcmd": return state.machine.physicalMemoryMode == nil ? [""] : monitor(rest, state)
    case "qXfer": return [feature(rest, &state)]
    default: break
    }
    switch packet.first {
    case "c":
      state.isRunning = true
      state.tellsNextStop = true
      return nil
    case "H":
      let thread = Int(packet.dropFirst(2), radix: 16) ?? 0
      let seen = state.machine.clusterSize ?? state.machine.cpus
      guard (1...seen).contains(thread) else { return ["E22"] }
      state.selectedCPU = thread - 1
      return ["OK"]
    case "g":
      let registers = state.machine.otherRegisters[state.selectedCPU] ?? state.machine.registers
      return [registers.map { $0.value.littleEndianHex }.joined()]
    case "p":
      guard state.hasReadDescription || !state.machine.readsRegistersOnlyWithDescription else {
        return [""]
      }
      let index = (Int(packet.dropFirst(), radix: 16) ?? 0) - 100
      let values = state.machine.systemRegisters.map(\.value)
      return [values.indices.contains(index) ? values[index].littleEndianHex : "E14"]
    case "m": return [memory(packet.dropFirst(), state)]
    default: return [""]
    }
  }

  private static func monitor(_ hex: String, _ state: State) -> [String] {
    let command = Array(hex.utf8).decodedHex.map { String(decoding: $0, as: UTF8.self) }
    let text: String
    switch command {
    case "info status":
      text = "VM status: paused\(state.pausedReason.map { " (\($0))" } ?? "")\r\n"
    case "info cpus":
      text = (0..<state.machine.cpus).map {
        "\($0 == 0 ? "*" : " ") CPU #\($0): thread_id=\(state.machine.firstThread + $0)\r\n"
      }
      .joined()
    case "info version": text = state.machine.version + "\r\n"
    case "info mtree -f":
      let last = String(state.machine.ram.count - 1, radix: 16)
      text = """
        FlatView #0\r
         AS "memory", root: system\r
         Root memory region: system\r
          0000000000000000-\(last) (prio 0, ram): pc.ram\r
          00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram\r
          00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic\r

        """
    case "info memdev": text = "memory backend: pc.ram\r\n  size:  \(state.machine.ram.count)\r\n"
    default: text = hostAddress(asked: command ?? "", state.machine) ?? "unknown command\r\n"
    }
    return text.split(separator: "\n", omittingEmptySubsequences: true).map {
      "O" + Array(($0 + "\n").utf8).hex
    } + ["OK"]
  }

  /// What `gpa2hva` prints; nil for another command.
  private static func hostAddress(asked command: String, _ machine: Machine) -> String? {
    let question = "gpa2hva 0x"
    guard command.hasPrefix(question), let start = machine.hostAddress,
      let address = UInt64(command.dropFirst(question.count), radix: 16)
    else { return nil }
    let digits = String(address, radix: 16)
    guard address < UInt64(machine.ram.count) else {
      return "No memory is mapped at address 0x\(digits)\r\n"
    }
    let host = String(start + address, radix: 16)
    return "Host virtual address for 0x\(digits) (pc.ram) is 0x\(host)\r\n"
  }

  private static func feature(_ rest: String, _ state: inout State) -> String {
    guard state.machine.hasDescription else { return "" }
    state.hasReadDescription = true
    let parts = rest.split(separator: ":")
    let numbers = parts[3].split(separator: ",").compactMap { Int($0, radix: 16) }
    guard let document = description(String(parts[2]), state.machine) else { return "E00" }
    let bytes = Array(document.utf8)
    guard numbers[0] <= bytes.count else { return "E00" }
    let piece = bytes[numbers[0]..<min(bytes.count, numbers[0] + numbers[1])]
    let kind = piece.endIndex == bytes.count ? "l" : "m"
    return kind + String(decoding: piece, as: UTF8.self)
  }

  private static func description(_ annex: String, _ machine: Machine) -> String? {
    func registers(_ registers: KeyValuePairs<String, UInt64>, from first: Int) -> String {
      "<feature>"
        + registers.enumerated().map {
          "<reg name=\"\($1.key)\" bitsize=\"64\" regnum=\"\(first + $0)\"/>"
        }.joined() + "</feature>"
    }
    switch annex {
    case "target.xml":
      return "<target><architecture>i386:x86-64</architecture><xi:include href=\"core.xml\"/>"
        + (0..<machine.moreDocuments).map { "<xi:include href=\"more\($0).xml\"/>" }.joined()
        + "<xi:include href=\"system-registers.xml\"/></target>"
    case "core.xml": return registers(machine.registers, from: 0)
    case "system-registers.xml": return registers(machine.systemRegisters, from: 100)
    default: return nil
    }
  }

  private static func memory(_ text: Substring, _ state: State) -> String {
    let numbers = text.split(separator: ",").compactMap { UInt64($0, radix: 16) }
    guard numbers.count == 2, numbers[1] > 0 else { return "" }
    guard numbers[1] <= 2048 else { return "E22" }
    guard state.machine.physicalMemoryMode == true else { return "E14" }
    let (ram, count) = (state.machine.ram, Int(numbers[1]))
    // As QEMU up to 10.0 reads where nothing is.
    guard let start = Int(exactly: numbers[0]), start <= ram.count - count else {
      return [UInt8](repeating: 0, count: count).hex
    }
    let pages = start >> 12...(start + count - 1) >> 12
    if pages.contains(where: state.machine.badPages.contains) { return "E14" }
    return ram[start..<start + count].hex
  }
}

extension UInt64 {
  fileprivate var littleEndianHex: String {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: self)
    return bytes.hex
  }
}

extension String {
  /// What stands before the first of some characters, and what after it.
  fileprivate func split(at separators: String) -> (String, String) {
    guard let at = firstIndex(where: separators.contains) else { return (self, "") }
    return (String(self[..<at]), String(self[index(after: at)...]))
  }
}
