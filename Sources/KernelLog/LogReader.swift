import GuestScopeBytes
import GuestScopeGuestMemory
import GuestScopeLinuxKernel

/// Reads records out of one ring buffer.
struct LogReader {
  private let walk: Walk
  private let query: LogQuery
  private let ring: KernelObject<PrbDescRing>
  private let text: KernelObject<PrbDataRing>
  /// Bytes of a `struct prb_desc` and of a `struct printk_info`.
  private let sizes: (desc: Int, info: Int)

  /// Log buffers are of at most 2 GiB (LOG_BUF_LEN_MAX), and a descriptor is there for 32 bytes.
  private static let mostBits: (text: UInt32, count: UInt32) = (31, 26)
  /// DESC_ID_MASK of kernel/printk/printk_ringbuffer.h: the two bits above are the state.
  private static let idBits: UInt64 = 62
  private static let idMask: UInt64 = 1 << idBits - 1

  init(_ ringbuffer: KernelObject<PrintkRingbuffer>, _ query: LogQuery) throws(ReadFault) {
    walk = ringbuffer.walk
    self.query = query
    (ring, text) = (try ringbuffer.descRing, try ringbuffer.textDataRing)
    sizes = (try walk.size(of: PrbDesc.self), try walk.size(of: PrintkInfo.self))
    guard ring.countBits <= Self.mostBits.count, text.sizeBits <= Self.mostBits.text else {
      throw .corrupt(
        "a log of 2^\(ring.countBits) records and 2^\(text.sizeBits) bytes", at: ringbuffer.address)
    }
  }

  // MARK: Records

  func log() throws(ReadFault) -> KernelLog {
    let start = try start()
    var log = KernelLog()
    let ids = try ids(&log)
    // The position after the last record that is final, as are all before it.
    var isClosed = true
    for id in ids {
      let index = Int(id & (1 << UInt64(ring.countBits) - 1))
      let desc = ring.descs + index * sizes.desc
      let info = ring.infos + index * sizes.info
      let found = try walk.view.object(ObjectKey("log record", id: id, at: desc)) {
        () throws(ReadFault) in try outcome(id, desc: desc, info: info, from: start)
      }
      if case .unwritten? = found { isClosed = false }
      if case .record(let record)? = found, !record.isFinal { isClosed = false }
      if isClosed { log.next = LogPosition(id: (id &+ 1) & Self.idMask) }
      if case .position? = query.start, !isClosed { continue }
      switch found {
      case .record(let record): log.records.append(record)
      case .unwritten: log.unwritten += 1
      case .withoutText: log.withoutText += 1
      case .unwanted, nil: break
      }
    }
    return log
  }

  /// The oldest first.
  ///
  /// - Parameter log: is given what is known without a record.
  private func ids(_ log: inout KernelLog) throws(ReadFault) -> [UInt64] {
    let (head, tail) = (ring.headID & Self.idMask, ring.tailID & Self.idMask)
    let last = (head &- tail) & Self.idMask
    guard last < 1 << UInt64(ring.countBits) else {
      throw .corrupt("a log whose records go from \(tail.hex) to \(head.hex)", at: ring.address)
    }
    var newest = UInt64(min(query.newest ?? .max, Int(last) + 1))
    if case .position(let position)? = query.start {
      log.next = position
      // As of a sequence number: what is not ahead of it is past it.
      let ahead = (head &+ 1 &- position.id) & Self.idMask
      guard ahead <= Self.idMask / 2 else { return [] }
      if ahead > last + 1 { log.overwritten = ahead - (last + 1) }
      newest = min(ahead, last + 1)
      guard newest > 0 else { return [] }
    }
    return (0..<newest).map { (head &- (newest - 1) &+ $0) & Self.idMask }
  }

  private enum Outcome {
    case record(LogRecord)
    /// Reserved, and not committed yet.
    case unwritten
    case withoutText
    case unwanted
  }

  /// `prb_read()`.
  private func outcome(
    _ id: UInt64, desc: KernelVirtualAddress, info: KernelVirtualAddress, from start: Start
  ) throws(ReadFault) -> Outcome {
    let (desc, info) = try walk.view.together(
      walk.read(PrbDesc.self, at: desc), walk.read(PrintkInfo.self, at: info))
    // `enum desc_state`: reserved, committed, finalized, reusable.
    let state = desc.stateVar >> Self.idBits
    // A descriptor of another id is being taken for this one.
    guard desc.stateVar & Self.idMask == id, state != 0 else { return .unwritten }
    guard state != 3, isWanted(info, id, from: start) else { return .unwanted }
    guard let text = try text(of: desc, id, length: Int(info.textLen)) else { return .withoutText }
    return .record(
      LogRecord(
        sequence: info.seq, time: info.tsNsec, level: LogLevel(info.level),
        facility: info.facility, caller: .init(id: info.callerID), text: text,
        isContinuation: info.flags & Self.continues != 0, isFinal: state == 2))
  }

  /// LOG_CONT of `enum printk_info_flags`.
  private static let continues: UInt8 = 8

  // MARK: What is wanted

  private typealias Start = (time: UInt64, sequence: UInt64)

  private func start() throws(ReadFault) -> Start {
    switch query.start {
    case nil, .position: return (0, 0)
    case .time(let time): return (time, 0)
    case .sequence(let sequence): return (0, sequence)
    case .beforeEnd(let span):
      let index = Int(ring.headID & (1 << UInt64(ring.countBits) - 1))
      let newest = try walk.read(PrintkInfo.self, at: ring.infos + index * sizes.info)
      return (newest.tsNsec - min(span, newest.tsNsec), 0)
    }
  }

  private func isWanted(
    _ info: KernelObject<PrintkInfo>, _ id: UInt64, from start: Start
  ) -> Bool {
    guard info.tsNsec >= start.time, info.seq >= start.sequence else { return false }
    guard let level = query.level else { return true }
    let age = (ring.headID &- id) & Self.idMask
    return LogLevel(info.level) <= level || age < UInt64(max(0, query.anyLevel))
  }

  // MARK: Text

  /// `get_data()`: nil for a record whose text was lost.
  private func text(
    of desc: KernelObject<PrbDesc>, _ id: UInt64, length: Int
  ) throws(ReadFault) -> String? {
    let (begin, next) = (desc.begin, desc.next)
    // NO_LPOS, an empty line, and FAILED_LPOS: no block is at an odd place.
    guard begin & 1 == 0 || next & 1 == 0 else { return begin == 3 && next == 3 ? "" : nil }
    let bits = UInt64(text.sizeBits)
    let mask: UInt64 = 1 << bits - 1
    // Since 7.2 a block may end where the buffer ends; before, such a one was never made.
    let start: UInt64
    let end = (next &- 1) & mask + 1
    // Places are counted over the end of their numbers: the first block begins one buffer below 0.
    switch (next &- 1 &- begin & ~mask) >> bits {
    case 0: start = begin & mask
    // A block that would not fit before the end of the buffer lies at its start.
    case 1: start = 0
    default: throw .corrupt("a log record from \(begin.hex) to \(next.hex)", at: desc.address)
    }
    guard end >= start + 8 else {
      throw .corrupt("a log record from \(begin.hex) to \(next.hex)", at: desc.address)
    }
    let count = min(length, Int(end - start) - 8)
    let bytes = try walk.view.bytes(at: text.data + Int(start), count: 8 + count)
    // `struct prb_data_block` begins with the id of the record.
    guard !walk.isSnapshot || bytes.u64(at: 0)! & Self.idMask == id else {
      throw .corrupt("text of another log record", at: text.data + Int(start))
    }
    return bytes[8...].logText
  }
}
