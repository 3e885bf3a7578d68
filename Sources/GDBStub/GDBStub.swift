// QEMU's gdbserver, and how this module treats it.
//
// A debugger stops its target and lets it go on when a person says so. We stop somebody's running
// guest, many times, and nobody must notice. QEMU's gdbserver was not made for that: most of the
// code in this module exists because of one of the facts below. They hold for QEMU 5.2 to 11.1,
// which the tests run on, and where versions differ it says so.
//
// Connecting stops the guest
//   QEMU stops the guest when it accepts a connection, before it has read a byte; while the guest
//   runs it answers nothing. Reading means stopping: a look is a connection of its own, which asks,
//   reads, lets the guest go on and ends. We call it a glance (`Glance`).
//
// Leaving does not let it go on
//   When a client closes its connection without a word, the guest stays stopped for ever. So
//   something must be written on every way out: errors, signals, a `kill -9`. What a connection
//   owes is kept outside of it (`ResumeDebt`, on a page that two processes share, `DebtPage`), a
//   signal path pays it, and after a `kill -9` the guardian does: a second process that has a
//   duplicate of each socket from before it connects, and connects itself where the link broke just
//   before (`Guardian`, `GuardianProcess`).
//
// `c` starts whatever stands still
//   A guest may have stood still before we came: a person said `stop`, it panicked, it was migrated
//   away. `c` would start it, reboot it, or run it in two places, and destroy the evidence. So we
//   ask first, and write `c` only where our connection is what stopped it (`Verdict`, `Arrival`).
//
// Whether it ran is said differently
//   Up to 8.0 QEMU reports each stop to the client that caused it with a `T02` packet. From 8.1 on
//   (`allow_stop_reply`) it does so only if the packet before, whoever sent it, let a guest run. A
//   first connection learns nothing then: `info status` says `paused` of both, but for a reason
//   such as a panic. Our own connections end in `c`, so from the second on the report comes; where
//   we leave a guest stopped we leave a mark for the next connection, a `vCont` that QEMU refuses
//   and that has the same effect (`Request.markStopped`).
//
// A byte after `c` stops it again
//   Any byte that reaches QEMU while the guest runs stops it, an acknowledgement too. `c` is the
//   last byte of a connection, and there is exactly one. We never acknowledge a packet: QEMU does
//   not need it. Writes after the first begin with `++`: should somebody let the guest go on while
//   we think, the first such byte stops it and is lost, and the report of that stop shows it.
//
// One client at a time
//   A second client is accepted by the operating system and waits. What it has written is carried
//   out when the first leaves, and so is its leaving: which would stop the guest for good. So we
//   look for another client before connecting (`LocalPeers`), and one that turns up meanwhile gets
//   what undoes our connection, too.
//
// What comes may not be what QEMU said
//   A forwarded port, a tunnel or a serial line can lose and change bytes, and connections break. What
//   our own bytes do at QEMU does not depend on that. An answer that cannot be understood, or that only
//   another stub would give, therefore does not justify leaving the guest stopped: we ask again on
//   another connection, and let the guest go on there (`Recovery`).
//
// A dead client's tail
//   A client that died in the middle of a packet leaves QEMU's parser inside it. The first packet
//   of a connection is therefore an empty one, which may be refused (`Connection.greet`).
//
// Physical memory is a mode, and it is everybody's
//   `Qqemu.PhyMemMode` has `m` read physical addresses; it outlasts the connection, for gdb as well.
//   Each glance sets the mode, reads, and restores what was found. Physical reads reach devices: a
//   read of a device register changes the device, so that only addresses in the RAM map, `info
//   mtree -f`, are ever read (`RAMMap`). Up to 10.x a read of nothing gives zeros; later ones
//   refuse the whole packet.
//
// Limits
//   A packet carries 2048 bytes of memory up to 10.0 and 65,552 later. QEMU takes 4096 bytes of
//   requests at a time: with more in a batch a sudden death could leave its `c` unread. Registers
//   of arm64 that lead to the kernel have numbers that change from version to version and with the
//   CPU model, and some have other names: they come from the target description (`RegisterRecipe`).
//
// Some packets must not be sent at all: `k` and `vKill` end QEMU, a bare `D` may leave the guest
// stopped, `?` after `D` crashes QEMU, and `multiprocess+` changes how it treats its next client.
