package peers;

import footfall.WebEvent;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecordBase;
import peers.out.Session;

/** Confluent framing (0x00, schema id, Avro body) over specific records. One instance per thread. */
public final class Codec {
  public static final int HDR = 5;

  /** Decoder with buffer reuse; the record may be reused by passing it back in. */
  public static final class Dec<T extends SpecificRecordBase> {
    private final SpecificDatumReader<T> reader;
    private BinaryDecoder dec;

    public Dec(org.apache.avro.Schema writer, org.apache.avro.Schema readerSchema) {
      reader = new SpecificDatumReader<>(writer, readerSchema);
    }

    public T read(byte[] b, T reuse) {
      try {
        dec = DecoderFactory.get().binaryDecoder(b, HDR, b.length - HDR, dec);
        return reader.read(reuse, dec);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  public static final class Enc<T extends SpecificRecordBase> {
    private final SpecificDatumWriter<T> writer;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
    private BinaryEncoder enc;
    private final int id;

    public Enc(org.apache.avro.Schema s, int id) {
      writer = new SpecificDatumWriter<>(s);
      this.id = id;
    }

    public byte[] write(T v) {
      try {
        out.reset();
        out.write(0);
        out.write(id >>> 24);
        out.write(id >>> 16);
        out.write(id >>> 8);
        out.write(id);
        enc = EncoderFactory.get().directBinaryEncoder(out, enc);
        writer.write(v, enc);
        return out.toByteArray();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** The event as the job needs it: written with our schema, read with one of the seven fields used, so the rest is skipped. */
  public static Dec<WebEvent> view() {
    try {
      return new Dec<>(new org.apache.avro.Schema.Parser().parse(new File(Progress.SCHEMA)), WebEvent.getClassSchema());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static Enc<Session> sessionEnc() {
    return new Enc<>(Session.getClassSchema(), 2);
  }

  public static Dec<Session> sessionDec() {
    return new Dec<>(Session.getClassSchema(), Session.getClassSchema());
  }

  private Codec() {}
}
