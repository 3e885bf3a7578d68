import GuestScopeGuestMemory
import TestSupport

/// A guest of objects: each a chain of words in pages of their own, each word the address of the
/// next one, the last a value.
struct Chains {
  let memory: ByteBufferMemory
  let heads: [PhysicalAddress]
  /// The address of every word, by object.
  let words: [[PhysicalAddress]]

  init(objects: Int, depth: Int) {
    let ram = RAMBuilder(count: (objects * depth + 4) * 4096)
    words = (0..<objects).map { _ in (0..<depth).map { _ in ram.allocatePage() + 0x800 } }
    for (object, chain) in words.enumerated() {
      for (word, next) in zip(chain, chain.dropFirst()) { ram.write(next.rawValue, at: word) }
      ram.write(UInt64(object) + 1, at: chain[depth - 1])
    }
    heads = words.map { $0[0] }
    memory = ram.memory()
  }

  /// Follows each chain to its end.
  func values(in view: MemoryView) throws(ReadFault) -> [UInt64] {
    var values: [UInt64] = []
    for (id, chain) in words.enumerated() {
      let value = try view.object(key(id)) { () throws(ReadFault) in
        var address = chain[0].rawValue
        for _ in chain { address = try view.word(address) }
        return address
      }
      if let value { values.append(value) }
    }
    return values
  }

  func key(_ id: Int) -> ObjectKey {
    ObjectKey("chain", id: UInt64(id), at: KernelVirtualAddress(heads[id].rawValue))
  }
}

extension MemoryView {
  func word(_ address: UInt64) throws(ReadFault) -> UInt64 {
    try load(UInt64.self, at: PhysicalAddress(address))
  }
}

extension ByteBufferMemory {
  func write(_ word: UInt64, at address: UInt64) {
    write((0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }, at: PhysicalAddress(address))
  }
}

extension SampleLimits {
  /// Samples of so many reads at most, and nothing else to bound them.
  static func limited(reads: Int, pause: Duration? = nil, stopCost: Duration = .zero) -> Self {
    SampleLimits(
      readBytes: 2048, reads: reads, bytes: 1 << 20, pause: pause, stopCost: stopCost, readCost: 0,
      byteCost: 0)
  }
}
