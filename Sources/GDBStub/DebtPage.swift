import CGuestScopeLinux
import Glibc
import GuestScopeRemoteProtocol
import Synchronization

/// What a connection owes the guest, in one word that two processes read.
struct DebtRecord: RawRepresentable, Equatable {
  enum State: UInt8 {
    case nothing
    /// Connected, or about to be; not known yet whether the guest ran.
    case unknown
    /// The guest ran, and stands still because of this connection.
    case owed
    /// `c` is being written, or was and the stub has not acknowledged it.
    case resuming
  }

  var state: State
  var contact: Contact
  /// What the stub said before our greeting, once that was taken from the socket.
  var before: Exchange.Before?
  /// A connection that broke has shown that the guest ran: it is to go on, unless QEMU has a reason why it
  /// is stopped.
  var ran: Bool

  static let nothing = DebtRecord(.nothing, .first)

  init(
    _ state: State, _ contact: Contact, _ before: Exchange.Before? = nil, ran: Bool = false
  ) {
    (self.state, self.contact, self.before, self.ran) = (state, contact, before, ran)
  }

  /// Whether a `c` is due as far as this goes. A stub that said one thing before our greeting has a
  /// guest that was stopped before.
  var isLikelyOwed: Bool {
    switch state {
    case .nothing, .resuming: false
    case .owed: true
    case .unknown: ran || contact.silenceMeansRunning && [nil, Exchange.Before()].contains(before)
    }
  }

  /// The contact of the connection that comes after this one when its link has broken. A stop that the stub has
  /// reported to this one is not reported again.
  var contactAfterBrokenLink: Contact {
    if !hasRun, let before, before.stops == 1 || before.hasMark { return .firstToLeaveStopped }
    // It may have consumed the report of a stop: a guest that we had left stopped is not to be let go for that.
    return contact == .afterStopped ? .firstToLeaveStopped : contact
  }

  /// Whether the guest is known to have run.
  var hasRun: Bool { ran || state == .owed || state == .resuming }

  init(rawValue: UInt32) {
    func byte(_ index: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: rawValue >> (8 * index)) }
    state = State(rawValue: byte(0)) ?? .nothing
    contact = Contact(rawValue: byte(1)) ?? .first
    let stops = Int(byte(2))
    before = stops == 0 ? nil : Exchange.Before(stops: stops - 1, hasMark: byte(3) & 1 != 0)
    ran = byte(3) & 2 != 0
  }

  var rawValue: UInt32 {
    let stops = before.map { UInt32(min($0.stops, 2) + 1) } ?? 0
    let flags: UInt32 = (before?.hasMark == true ? 1 : 0) | (ran ? 2 : 0)
    return UInt32(state.rawValue) | UInt32(contact.rawValue) << 8 | stops << 16 | flags << 24
  }
}

/// The place of a `DebtRecord`: memory that a guardian can share.
final class DebtPage: @unchecked Sendable {
  /// Of the memory, close-on-exec; nil where the system has none to share.
  let descriptor: Int32?
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  private static let size = MemoryLayout<Atomic<UInt32>>.size

  init() {
    // MFD_CLOEXEC
    let file = unsafe memfd_create("guestscope debt", 1)
    if file >= 0, ftruncate(file, Self.size) == 0, let memory = unsafe Self.map(file) {
      descriptor = file
      unsafe word = memory
    } else {
      if file >= 0 { close(file) }
      descriptor = nil
      unsafe word = UnsafeMutablePointer.allocate(capacity: 1)
      unsafe word.initialize(to: Atomic(0))
    }
  }

  /// The page of another process.
  init?(sharedBy descriptor: Int32) {
    guard let memory = unsafe Self.map(descriptor) else { return nil }
    self.descriptor = descriptor
    unsafe word = memory
  }

  /// Zeros are an atomic 0.
  private static func map(_ file: Int32) -> UnsafeMutablePointer<Atomic<UInt32>>? {
    let memory = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return nil }
    return unsafe memory.bindMemory(to: Atomic<UInt32>.self, capacity: 1)
  }

  deinit {
    guard let descriptor else { return unsafe word.deallocate() }
    unsafe munmap(word, Self.size)
    close(descriptor)
  }

  var record: DebtRecord {
    get { DebtRecord(rawValue: unsafe word.pointee.load(ordering: .acquiring)) }
    set { unsafe word.pointee.store(newValue.rawValue, ordering: .releasing) }
  }
}
