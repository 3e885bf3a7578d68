import Glibc
import GuestScopeBytes

/// A gdbserver that stops, reports, answers and lets go as QEMU's does, on a thread of its own: one
/// client at a time, the others wait unheard.
public final class FakeQEMU: Sendable {
  struct State {
    var machine: Machine
    var isRunning = true
    var pausedReason: String?
    var clients: [Client] = []
    var tellsNextStop = false
    var hasReadDescription = false
    /// The last packet that was sent to anybody and not acknowledged.
    var lastPacket: String?
    /// That `g` is about.
    var selectedCPU = 0
    /// Another client has the stub: nobody is accepted.
    var isOccupied = false
    var hasEnded = false

    /// Whether a stop that happens now is reported: up to 8.0 each is; later ones only if nothing
    /// stopped since a packet that let a guest go on.
    mutating func reportsStop() -> Bool {
      defer { tellsNextStop = false }
      return machine.alwaysTellsStops || tellsNextStop
    }
  }

  public let port: UInt16
  private let listener: Int32
  private let state: Locked<State>

  public init(_ machine: Machine = Machine(), isRunning: Bool = true, pausedReason: String? = nil) {
    var state = State(machine: machine)
    (state.isRunning, state.pausedReason) = (isRunning, pausedReason)
    self.state = Locked(state)
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    unsafe withUnsafeMutablePointer(to: &address) { address in
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        precondition(unsafe bind(listener, address, size) == 0, "cannot bind")
        precondition(listen(listener, 4) == 0, "cannot listen")
        unsafe getsockname(listener, address, &size)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    var thread = pthread_t()
    let argument = unsafe Unmanaged.passRetained(self).toOpaque()
    unsafe pthread_create(
      &thread, nil,
      { argument in
        unsafe Unmanaged<FakeQEMU>.fromOpaque(argument!).takeRetainedValue().serve()
        return nil
      }, argument)
    pthread_detach(thread)
  }

  /// Ends the server's thread. To be called in the end, for the thread keeps the server alive.
  public func end() { state.withLock { $0.hasEnded = true } }

  // MARK: What a test does and sees

  public var isRunning: Bool { state.withLock { $0.isRunning } }
  public var physicalMemoryMode: Bool? { state.withLock { $0.machine.physicalMemoryMode } }
  public var clients: [Client] { state.withLock { $0.clients } }

  /// Stops the guest as QEMU's monitor does, or a panic.
  public func stopGuest(reason: String? = nil) {
    state.withLock { state in
      // Reported to nobody, and yet reported.
      if state.isRunning, state.reportsStop() { state.lastPacket = Self.stopReply }
      (state.isRunning, state.pausedReason) = (false, reason)
    }
  }

  /// Another debugger attaches and detaches, as gdb does: the guest runs.
  public func attachAndDetach() {
    state.withLock { state in
      if state.isRunning { _ = state.reportsStop() }
      state.lastPacket = nil
      (state.isRunning, state.pausedReason) = (true, nil)
    }
  }

  /// Another debugger attaches, and is killed: the guest stands still.
  public func attachAndDie() {
    state.withLock { state in
      if state.isRunning { _ = state.reportsStop() }
      state.lastPacket = nil
      state.isRunning = false
    }
  }

  static let stopReply = "$T02thread:01;#04"

  /// Puts another QEMU in its place, as a restart or a restore does.
  public func replace(isRunning: Bool, pausedReason: String? = nil) {
    state.withLock { state in
      state.machine.firstThread += 1000
      state.machine.physicalMemoryMode = false
      (state.isRunning, state.pausedReason) = (isRunning, pausedReason)
      state.tellsNextStop = false
      state.lastPacket = nil
    }
  }

  public func letGuestRun() { state.withLock { ($0.isRunning, $0.pausedReason) = (true, nil) } }

  /// Changes the machine between two connections.
  public func change(_ body: (inout Machine) -> Void) { state.withLock { body(&$0.machine) } }

  /// Whether another client has the stub.
  public func occupy(_ isOccupied: Bool) { state.withLock { $0.isOccupied = isOccupied } }

  /// Waits until so many clients have come and gone.
  public func waitForEnd(ofClients count: Int) -> Bool {
    eventually { clients.count { $0.hasEnded } >= count }
  }

  /// True when the guest runs, or does so soon: what is written to a stub takes effect some time after.
  public var runsSoon: Bool { eventually { isRunning } }

  // MARK: The thread

  private func serve() {
    while !state.withLock({ $0.hasEnded }) {
      var poller = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      let isReady = unsafe poll(&poller, 1, 5) > 0
      guard isReady, !state.withLock({ $0.isOccupied }) else {
        if isReady { usleep(1000) }
        continue
      }
      let client = accept(listener, nil, nil)
      guard client >= 0 else { continue }
      if state.withLock({ $0.machine.dropsNext }) {
        change { $0.dropsNext = false }
        close(client)
        continue
      }
      // As QEMU has it; else an ack and its reply come 40 ms apart.
      var on: Int32 = 1
      unsafe setsockopt(
        client, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      serve(client)
      close(client)
      state.withLock { $0.clients[$0.clients.count - 1].hasEnded = true }
    }
    close(listener)
  }

  private func serve(_ client: Int32) {
    let (machine, isTold) = state.withLock { state in
      let tells = state.isRunning && state.reportsStop()
      state.clients.append(Client())
      (state.isRunning, state.hasReadDescription, state.selectedCPU) = (false, false, 0)
      return (state.machine, tells)
    }
    sleep(machine.stopCost)
    if let greeting = machine.greeting {
      send(greeting, to: client)
      return
    }
    if let noise = machine.noise {
      change { $0.noise = nil }
      send(noise, to: client)
    }
    if isTold { send(packet: Self.stopReply, to: client) }
    change { $0.flushTime = .zero }
    sleep(machine.flushTime)
    var input = [UInt8](repeating: 0, count: 4096)
    var packet: [UInt8]?
    while true {
      let count = unsafe recv(client, &input, input.count, 0)
      guard count > 0 else { return }
      for byte in input[..<count] {
        if isSwallowed(byte, client) || strays(client) { continue }
        if byte == UInt8(ascii: "$") { packet = [] } else { packet?.append(byte) }
        guard let whole = packet, whole.count >= 3, whole[whole.count - 3] == UInt8(ascii: "#")
        else { continue }
        packet = nil
        guard answer(String(decoding: whole.dropLast(3), as: UTF8.self), client) else { return }
      }
    }
  }

  /// As long as the last packet is not acknowledged nothing but a new packet is heeded, and `-`
  /// brings it again.
  private func isSwallowed(_ byte: UInt8, _ client: Int32) -> Bool {
    let (isSwallowed, again) = state.withLock { state -> (Bool, String?) in
      guard let last = state.lastPacket else { return (false, nil) }
      if byte == UInt8(ascii: "-") { return (true, last) }
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "$") { state.lastPacket = nil }
      return (byte != UInt8(ascii: "$"), nil)
    }
    if let again { send(packet: again, to: client) }
    return isSwallowed
  }

  /// A byte that comes while the guest runs stops it, and is gone.
  private func strays(_ client: Int32) -> Bool {
    let (strays, isTold) = state.withLock { state -> (Bool, Bool) in
      guard state.isRunning else { return (false, false) }
      state.isRunning = false
      state.clients[state.clients.count - 1].strayBytes += 1
      return (true, state.reportsStop())
    }
    if isTold { send(packet: Self.stopReply, to: client) }
    return strays
  }

  /// False when the connection is to be closed.
  private func answer(_ packet: String, _ client: Int32) -> Bool {
    let (answers, isLast, machine) = state.withLock { state in
      let index = state.clients.count - 1
      state.clients[index].packets.append(packet)
      if packet == "c" { state.clients[index].resumes += 1 }
      let isLast = state.clients[index].packets.count == state.machine.closesAfter
      var answers = isLast ? nil : Self.answers(packet, &state)
      if let unanswered = state.machine.unanswered, packet.hasPrefix(unanswered) {
        state.machine.unanswered = nil
        answers = [""]
      }
      return (answers, isLast, state.machine)
    }
    if isLast { return false }
    guard !machine.isMute else { return true }
    if packet.hasPrefix("m") { sleep(machine.readTime) }
    if machine.isRambling {
      send("$", to: client)
      while send("O", to: client) { usleep(1000) }
      return false
    }
    send("+", to: client)
    for answer in answers ?? [] {
      let sum = answer.utf8.reduce(0 as UInt8) { $0 &+ $1 }
      send(packet: "$\(answer)#" + [sum].hex, to: client)
    }
    return true
  }

  /// - Parameter duration: below a second.
  private func sleep(_ duration: Duration) {
    guard duration > .zero else { return }
    usleep(UInt32(duration.components.attoseconds / 1_000_000_000_000))
  }

  private func send(packet: String, to client: Int32) {
    let isGarbled = state.withLock { state in
      state.lastPacket = packet
      return state.machine.garblesPackets
    }
    send(isGarbled ? "," + packet.dropFirst() : packet, to: client)
  }

  /// False when the client is gone.
  @discardableResult
  private func send(_ text: String, to client: Int32) -> Bool {
    let (bytes, isCut) = state.withLock { state in
      let bytes = Array(text.utf8)
      guard let rest = state.machine.cutsAfter else { return (bytes, false) }
      state.machine.cutsAfter =
        rest > bytes.count ? rest - bytes.count : state.machine.cutsNextAfter
      if rest <= bytes.count { state.machine.cutsNextAfter = nil }
      return (Array(bytes.prefix(rest)), rest <= bytes.count)
    }
    // What comes after that is lost, both ways.
    defer { if isCut { shutdown(client, Int32(SHUT_RDWR)) } }
    return unsafe bytes.withUnsafeBytes {
      unsafe Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) > 0
    }
  }
}
