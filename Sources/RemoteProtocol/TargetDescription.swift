/// A register of the target description.
public struct Register: Sendable, Equatable {
  public let name: String
  /// What ``Request/readRegister(_:)`` takes.
  public let number: Int
  public let bitSize: Int

  /// The bytes that it takes in a reply.
  public var byteCount: Int { (bitSize + 7) / 8 }
}

/// The stub's target description: `target.xml` and what it includes.
///
/// Reads as much of the format (gdb manual, "Target Description Format") as QEMU's documents need,
/// and survives any text: what cannot be read is left out, and its place in the numbering is kept.
public struct TargetDescription: Sendable, Equatable {
  /// Where the description begins.
  public static let root = "target.xml"
  /// More than any CPU has (arm64 about 400); a document may not ask for more.
  static let registerLimit = 1 << 16
  /// SVE's longest vector is 2048 bits; SME's ZA is 64 KiB.
  static let bitSizeLimit = 1 << 20

  /// Such as `i386:x86-64` or `aarch64`.
  public private(set) var architecture: String?
  /// In the order of the documents, each merged where it is included.
  public private(set) var registers: [Register] = []
  /// Documents that are named and were not given: to be fetched and given to another
  /// ``init(documents:)``.
  public private(set) var missing: [String] = []

  /// The number of a register that does not give one; nil after a number that could not be read.
  private var nextNumber: Int? = 0

  /// - Parameter documents: the texts by name (annex).
  public init(documents: [String: [UInt8]]) {
    var seen: Set<String> = [Self.root]
    merge(Self.root, of: documents, &seen)
  }

  /// The first register of that name.
  public func register(named name: String) -> Register? { registers.first { $0.name == name } }

  /// Where each register stands in the reply to ``Request/readRegisters``, in bytes, by name.
  ///
  /// QEMU sends registers 0 to N there, in order, without gaps (`handle_read_all_regs` in
  /// `gdbstub/gdbstub.c`), and on arm64 not those of `system-registers.xml`. Only the length of the
  /// reply gives N, so a length at which no register ends means that the description is not the one
  /// of this reply.
  ///
  /// - Returns: those that are part of the reply; none when the description does not fit it.
  public func gOffsets(replySize: Int) -> [String: Int] {
    let numbers = Dictionary(registers.map { ($0.name, $0.number) }) { first, _ in first }
    var offsets: [String: Int] = [:]
    var offset = 0
    for (number, register) in registers.sorted(by: { $0.number < $1.number }).enumerated()
    where offset < replySize {
      guard register.number == number else { return [:] }
      // A name means the first register that has it.
      if numbers[register.name] == number { offsets[register.name] = offset }
      offset += register.byteCount
    }
    return offset == replySize ? offsets : [:]
  }

  private mutating func merge(
    _ name: String, of documents: [String: [UInt8]], _ seen: inout Set<String>
  ) {
    guard let document = documents[name] else {
      missing.append(name)
      return
    }
    var scanner = XMLScanner(document)
    while let element = scanner.next() {
      switch element.name {
      case "architecture" where architecture == nil:
        architecture = scanner.text()
      case "xi:include":
        // Each document once: includes may form a cycle.
        guard let href = element["href"], isAnnex(href), seen.insert(href).inserted else { break }
        merge(href, of: documents, &seen)
      case "reg":
        add(element)
      default: break
      }
    }
  }

  private mutating func add(_ element: XMLScanner.Element) {
    if let text = element["regnum"] { nextNumber = number(text) }
    guard let number = nextNumber, number < Self.registerLimit else { return }
    nextNumber = number + 1
    guard registers.count < Self.registerLimit, let name = element["name"],
      let bitSize = element["bitsize"].flatMap(self.number),
      (1...Self.bitSizeLimit).contains(bitSize)
    else { return }
    registers.append(
      Register(name: name, number: number, bitSize: bitSize))
  }

  private func number(_ text: String) -> Int? {
    guard let number = Int(text), number >= 0 else { return nil }
    return number
  }

  /// A name that means nothing else in a `qXfer` packet.
  private func isAnnex(_ name: String) -> Bool {
    (1...255).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
          UInt8(ascii: "."):
          true
        default: false
        }
      }
  }
}
