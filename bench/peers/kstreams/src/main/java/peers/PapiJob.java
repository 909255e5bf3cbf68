package peers;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import peers.out.Session;
import footfall.WebEvent;

/**
 * The same sessions on the Processor API: one key-value entry for each visitor holding its open sessions (nearly
 * always one), so one get, one put and one changelog record for each event, and no scan over tombstones.
 * U forwards the session so far; F forwards each session when stream time passes its close, found in an in-heap
 * queue of close times rebuilt from the store at start.
 */
final class PapiJob {
  static final class Open {
    final ArrayList<Session> l = new ArrayList<>(1);
  }

  static final class OpenSerde implements Serde<Open>, Serializer<Open>, Deserializer<Open> {
    final KStreamsJob.SessionSerde s = new KStreamsJob.SessionSerde();
    public byte[] serialize(String t, Open o) {
      if (o == null) return null;
      if (o.l.size() == 1) return s.serialize(t, o.l.get(0));
      byte[][] p = new byte[o.l.size()][];
      int n = 1;
      for (int i = 0; i < p.length; i++) { p[i] = s.serialize(t, o.l.get(i)); n += 4 + p[i].length; }
      ByteBuffer b = ByteBuffer.allocate(n).put((byte) 1);
      for (byte[] x : p) b.putInt(x.length).put(x);
      return b.array();
    }
    public Open deserialize(String t, byte[] b) {
      if (b == null) return null;
      Open o = new Open();
      if (b[0] == 0) { o.l.add(s.deserialize(t, b)); return o; }
      ByteBuffer x = ByteBuffer.wrap(b, 1, b.length - 1);
      while (x.hasRemaining()) { byte[] y = new byte[x.getInt()]; x.get(y); o.l.add(s.deserialize(t, y)); }
      return o;
    }
    public void configure(Map<String, ?> c, boolean k) {}
    public void close() {}
    public Serializer<Open> serializer() { return this; }
    public Deserializer<Open> deserializer() { return this; }
  }

  record Due(long at, String key) {}

  static final class Proc implements Processor<String, WebEvent, String, Session> {
    final boolean fin;
    private ProcessorContext<String, Session> c;
    private KeyValueStore<String, Open> st;
    private final PriorityQueue<Due> due = new PriorityQueue<>(Comparator.comparingLong(Due::at));
    private long time = -1;

    Proc(boolean fin) { this.fin = fin; }

    public void init(ProcessorContext<String, Session> c) {
      this.c = c;
      st = c.getStateStore("s");
      try (var it = st.all()) {
        while (it.hasNext()) {
          var kv = it.next();
          for (Session s : kv.value.l) due.add(new Due(s.getEnd() + Sessions.GAP + Sessions.GRACE, kv.key));
        }
      }
      c.schedule(Duration.ofMillis(200), PunctuationType.WALL_CLOCK_TIME, t -> closeDue());
    }

    public void process(Record<String, WebEvent> r) {
      if (r.value() == null) return;
      long ts = r.value().getOccurredAt();
      time = Math.max(time, ts);
      Open o = st.get(r.key());
      Session hit = null;
      if (o == null) {
        o = new Open();
      } else {
        for (int i = 0; i < o.l.size(); i++) {
          Session s = o.l.get(i);
          if (ts < s.getStart() - Sessions.GAP || ts > s.getEnd() + Sessions.GAP) continue;
          if (hit == null) { hit = s; continue; }
          Session m = Sessions.merge(hit, s);
          o.l.set(o.l.indexOf(hit), m);
          o.l.remove(i--);
          hit = m;
        }
      }
      if (hit == null) {
        hit = Sessions.empty();
        o.l.add(hit);
        due.add(new Due(ts + Sessions.GAP + Sessions.GRACE, r.key()));
      }
      Sessions.add(r.key(), r.value(), hit);
      st.put(r.key(), o);
      if (!fin) c.forward(r.withValue(hit));
    }

    /** A due entry is as old as the session's first event; if the session grew, it goes back with its new time. */
    private void closeDue() {
      while (!due.isEmpty() && due.peek().at < time) {
        Due d = due.poll();
        Open o = st.get(d.key);
        if (o == null) continue;
        long next = Long.MAX_VALUE;
        int n = o.l.size();
        for (int i = 0; i < o.l.size(); i++) {
          Session s = o.l.get(i);
          long at = s.getEnd() + Sessions.GAP + Sessions.GRACE;
          if (at < time) {
            if (fin) c.forward(new Record<>(d.key, s, s.getEnd()));
            o.l.remove(i--);
          } else {
            next = Math.min(next, at);
          }
        }
        if (o.l.isEmpty()) st.delete(d.key);
        else if (o.l.size() < n) st.put(d.key, o);
        if (next != Long.MAX_VALUE) due.add(new Due(next, d.key));
      }
    }
  }
}
