// What Kafka Connect itself makes of records, on the jars of the tests' broker:
//   java -cp '.deps/kafka/libs/*' tests/integration/Connect.java envelope < LINES
//     of {"schema": …, "payload": …} the records that a source with the JsonConverter writes
//   java -cp '.deps/kafka/libs/*' tests/integration/Connect.java sink FILE < LINES
//     of values what a sink gets whose connector has the properties in FILE: one line for each, the columns as
//     NAME TYPE VALUE, apart by tabs; TYPE is Connect's, with a ? if the column may be null. A line "null" is a
//     null value; what a transform drops gives an empty line
import java.io.BufferedReader;
import java.io.FileReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.transforms.Transformation;
import org.apache.kafka.connect.transforms.predicates.Predicate;

public class Connect {
    static Map<String, Object> below(Properties properties, String prefix) {
        Map<String, Object> found = new HashMap<>();
        for (String name : properties.stringPropertyNames()) {
            if (name.startsWith(prefix)) {
                found.put(name.substring(prefix.length()), properties.getProperty(name));
            }
        }
        return found;
    }

    static JsonConverter converter(Map<String, Object> settings) {
        JsonConverter converter = new JsonConverter();
        converter.configure(settings, false);
        return converter;
    }

    static Object made(Object type) throws Exception {
        return Class.forName((String) type).getDeclaredConstructor().newInstance();
    }

    // One transform, and when it is applied (KIP-66, KIP-585).
    record Step(Transformation<SinkRecord> transform, Predicate<SinkRecord> predicate) {
        SinkRecord apply(SinkRecord record) {
            boolean meant = record != null && (predicate == null || predicate.test(record));
            return meant ? transform.apply(record) : record;
        }
    }

    @SuppressWarnings("unchecked")
    static List<Step> transforms(Properties properties) throws Exception {
        List<Step> chain = new ArrayList<>();
        for (String name : properties.getProperty("transforms", "").split(",")) {
            if (!name.isBlank()) {
                Map<String, Object> settings = below(properties, "transforms." + name.trim() + ".");
                Transformation<SinkRecord> one = (Transformation<SinkRecord>) made(settings.get("type"));
                one.configure(settings);
                Predicate<SinkRecord> predicate = null;
                if (settings.containsKey("predicate")) {
                    Map<String, Object> when = below(properties, "predicates." + settings.get("predicate") + ".");
                    predicate = (Predicate<SinkRecord>) made(when.get("type"));
                    predicate.configure(when);
                }
                chain.add(new Step(one, predicate));
            }
        }
        return chain;
    }

    static String columns(SinkRecord record) {
        StringBuilder line = new StringBuilder();
        if (record == null) {
            return "";
        }
        Struct row = (Struct) record.value();
        for (Field field : row.schema().fields()) {
            line.append(line.length() > 0 ? "\t" : "").append(field.name()).append(' ').append(field.schema().type())
                .append(field.schema().isOptional() ? "? " : " ").append(row.get(field));
        }
        return line.toString();
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Properties properties = new Properties();
        if (arguments[0].equals("sink")) {
            properties.load(new FileReader(arguments[1], StandardCharsets.UTF_8));
        }
        JsonConverter converter = converter(below(properties, "value.converter."));
        List<Step> chain = transforms(properties);
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            SchemaAndValue data = converter.toConnectData("topic", line.equals("null") ? null : line.getBytes(StandardCharsets.UTF_8));
            if (arguments[0].equals("envelope")) {
                byte[] written = converter.fromConnectData("topic", data.schema(), data.value());
                out.println(new String(written, StandardCharsets.UTF_8));
                continue;
            }
            SinkRecord record = new SinkRecord("topic", 0, null, null, data.schema(), data.value(), 0);
            for (Step one : chain) {
                record = one.apply(record);
            }
            out.println(columns(record));
        }
    }
}
